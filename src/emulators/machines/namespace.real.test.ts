import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import { isAlive } from '../../../test/support/daemon.ts';
import type { NamespaceReport } from '../../../test/support/emulated-namespace.ts';
import { describeUnless } from '../../../test/support/real.ts';
import { canMakeNamespace, enterNamespace, whyNotHere } from './namespace.ts';
import { openNamespace } from './namespace-network.ts';

const PROBE = fileURLToPath(new URL('../../../test/support/emulated-namespace.ts', import.meta.url));
const POLL = { timeout: 15_000, interval: 50 };
const why = await canMakeNamespace();

const children: ChildProcess[] = [];
const pids: number[] = [];
const dirs: string[] = [];
afterEach(async () => {
  for (const child of children.splice(0)) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
  for (const pid of pids.splice(0)) if (isAlive(pid)) process.kill(pid, 'SIGKILL');
  for (const dir of dirs.splice(0)) rmSync(dir, { recursive: true, force: true, maxRetries: 5 });
});

async function reportOf(child: ChildProcess): Promise<NamespaceReport> {
  children.push(child);
  let said = '';
  child.stdout?.on('data', (chunk: Buffer) => {
    said += String(chunk);
  });
  await expect.poll(() => said, { timeout: 40_000, interval: 50 }).toContain('\n');
  const report = JSON.parse(said) as NamespaceReport;
  pids.push(report.pid, ...(report.machinePid === null ? [] : [report.machinePid]));
  dirs.push(report.dir);
  return report;
}

const STDIO: ['ignore', 'pipe', 'inherit'] = ['ignore', 'pipe', 'inherit'];

describeUnless(why, 'machines in a network namespace', () => {
  it('answer on every address inside, IPv6 too, and on none outside', async () => {
    const report = await reportOf(await enterNamespace([process.execPath, PROBE], process.env, STDIO));
    expect(report.ipv6).toBe(true);
    expect(report.answers).toEqual({
      publicV4: ['203.0.113.1', 200, 200],
      privateV4: ['192.168.128.10', 200, 200],
      vpcV4: ['10.7.0.5', 200, 200],
      v6: ['2600:3c0e::f03c:95ff:fe00:1', 200, 200],
    });
    expect(report.second).toContain('another emulator');
    expect(report.refused).toEqual(['refused', 'refused', 'refused']);
    for (const [address] of Object.values(report.answers)) {
      const host = address.includes(':') ? `[${address}]` : address;
      const outside = fetch(`http://${host}/`, { signal: AbortSignal.timeout(1000) }).then((reply) => reply.headers.get('x-instance'));
      await expect(outside.catch(() => 'no answer')).resolves.not.toBe('web');
    }
    expect(isAlive(report.machinePid)).toBe(true);
    const [child] = children;
    const exit = once(child as ChildProcess, 'exit');
    child?.kill('SIGTERM');
    expect(await exit).toEqual([0, null]);
    await expect.poll(() => isAlive(report.machinePid), POLL).toBe(false);
  });

  it('end when their emulator is killed', async () => {
    const report = await reportOf(await enterNamespace([process.execPath, PROBE], process.env, STDIO));
    expect(isAlive(report.machinePid)).toBe(true);
    process.kill(report.pid, 'SIGKILL');
    await expect.poll(() => isAlive(report.machinePid), POLL).toBe(false);
  });

  it('end when the process that made the namespace is killed', async () => {
    const outer = spawn(process.execPath, [PROBE, 'outer'], { stdio: STDIO });
    const report = await reportOf(outer);
    expect(report.pid).not.toBe(outer.pid);
    outer.kill('SIGKILL');
    await expect.poll(() => [isAlive(report.pid), isAlive(report.machinePid)], POLL).toEqual([false, false]);
  });

  it('is left with the exit code of its command', async () => {
    const child = await enterNamespace(['sh', '-c', 'ip -br link show lo | grep -q UNKNOWN && exit 7'], process.env, 'ignore');
    children.push(child);
    expect(await once(child, 'exit')).toEqual([7, null]);
  });
});

describe("the machine's own network", () => {
  it('is never changed', async () => {
    const reason = await whyNotHere();
    expect(reason).toMatch(/machine's own network|need Linux/);
    await expect(openNamespace()).rejects.toThrow(reason ?? 'a reason');
  });
});
