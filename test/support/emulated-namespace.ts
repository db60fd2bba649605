/**
 * Runs in a network namespace of its own, started by a test: a machine on every kind of address, asked over each. Prints one line of JSON, and
 * then stays until it is killed. With `outer` as first argument it starts itself once more, in the namespace.
 */
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { enterNamespace } from '../../src/emulators/machines/namespace.ts';
import { openNamespace } from '../../src/emulators/machines/namespace-network.ts';
import { createWorld } from '../../src/emulators/machines/world.ts';

export interface NamespaceReport {
  readonly pid: number;
  readonly machinePid: number | null;
  /** Where the disks are; left behind when it is killed. */
  readonly dir: string;
  readonly ipv6: boolean;
  /** Kind of address → address, status of the application there, status of the exporter. */
  readonly answers: Readonly<Record<string, readonly [address: string, app: number | string, exporter: number | string]>>;
  /** What a second emulator in the same namespace is told. */
  readonly second: string;
  /** What addresses that cannot be served are answered with. */
  readonly refused: readonly string[];
}

async function main(): Promise<void> {
  if (process.argv[2] === 'outer') {
    await enterNamespace([process.execPath, fileURLToPath(import.meta.url)], process.env);
    return;
  }
  const network = await openNamespace();
  const dir = mkdtempSync(join(tmpdir(), 'drover-namespace-'));
  const world = createWorld({
    network,
    timeFactor: 1000,
    guests: 'processes',
    scripts: 'keep',
    app: { port: 80, workMs: 1, startMs: 1 },
    exporterPort: 9100,
    dir,
  });
  const addresses = { publicV4: network.takePublicV4(), privateV4: network.takePrivateV4(), vpcV4: network.takeExactly('10.7.0.5'), v6: network.takeV6() };
  const machine = world.create({
    name: 'web',
    image: null,
    vcpus: 1,
    memoryMb: 512,
    addresses,
    firstBoot: { userData: null, script: null, env: {} },
    booted: true,
  });
  const answers: Record<string, [string, number | string, number | string]> = {};
  for (const [kind, address] of Object.entries(addresses)) {
    const host = address.includes(':') ? `[${address}]` : address;
    answers[kind] = [address, await askUntilAnswered(`http://${host}/`), await askUntilAnswered(`http://${host}:9100/metrics`)];
  }
  const second = await openNamespace().then(
    () => 'opened',
    (e: Error) => e.message,
  );
  const refused = ['8.8.8.8', '127.0.0.9', '2001:4860:4860::8888'].map((address) => {
    try {
      return network.takeExactly(address);
    } catch (e) {
      return e instanceof RangeError ? 'refused' : String(e);
    }
  });
  const report: NamespaceReport = { pid: process.pid, machinePid: machine.pid, dir, ipv6: network.ipv6, answers, second, refused };
  process.stdout.write(`${JSON.stringify(report)}\n`);
  const stop = () =>
    void world
      .close()
      .then(() => network.close())
      .then(() => process.exit(0));
  process.once('SIGTERM', stop);
}

async function askUntilAnswered(url: string): Promise<number | string> {
  let why = '';
  for (const endMs = performance.now() + 15_000; performance.now() < endMs; await new Promise((go) => setTimeout(go, 50))) {
    try {
      const reply = await fetch(url, { signal: AbortSignal.timeout(2000) });
      await reply.arrayBuffer();
      return reply.status;
    } catch (e) {
      why = e instanceof Error && e.cause instanceof Error ? e.cause.message : String(e);
    }
  }
  return why;
}

await main();
