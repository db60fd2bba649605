/** The real ansible-playbook, in the folder of its project. */
import { spawn } from 'node:child_process';
import { find } from './real.ts';

export interface PlaybookRun {
  readonly code: number | null;
  readonly output: string;
  /** Sum over the hosts of the recap; null without one, as when it was killed. */
  readonly changed: number | null;
}

const LIMIT_MS = 120_000;

/** `killAt`: SIGKILL, to it and its workers, as soon as a task of that name begins. */
export async function runPlaybook(dir: string, args: readonly string[], env: Readonly<Record<string, string>>, killAt?: string): Promise<PlaybookRun> {
  const child = spawn(find('ansible-playbook') ?? '', args, {
    cwd: dir,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env['PATH'] ?? '', LC_ALL: 'C.UTF-8', ...env },
  });
  let output = '';
  const kill = (): void => {
    try {
      if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
    } catch {}
  };
  const keep = (chunk: Buffer): void => {
    output += chunk.toString();
    if (killAt !== undefined && output.includes(`TASK [${killAt}]`)) kill();
  };
  child.stdout.on('data', keep);
  child.stderr.on('data', keep);
  const late = setTimeout(kill, LIMIT_MS);
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  clearTimeout(late);
  const recap = [...output.matchAll(/ok=\d+ +changed=(\d+)/g)].map((m) => Number(m[1]));
  return { code, output, changed: recap.length === 0 ? null : recap.reduce((a, b) => a + b, 0) };
}
