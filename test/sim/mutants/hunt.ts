import { spawn } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Mutant } from './mutant.ts';
import type { Caught } from './verdict.ts';

const HERE = dirname(fileURLToPath(import.meta.url));
/** CPU seconds after which a mutant counts as survived. */
export const LIMIT_S = 300;

/** Hunts one mutant in a process of its own. Null: it survived. Throws where it could not be hunted at all. */
export function hunt(mutant: Mutant, { limitS = LIMIT_S, first = 1 } = {}): Promise<Caught | null> {
  const args = mutant.test ? [join(HERE, 'named-test.ts'), mutant.name] : [join(HERE, 'seeds.ts'), mutant.name, String(limitS), String(first)];
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, NO_COLOR: '1' } });
    let [out, err, late] = ['', '', false];
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      out += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      err += text;
    });
    // A bug that keeps one seed from ending leaves no chance to count the time in the child itself.
    const timer = setTimeout(
      () => {
        late = true;
        child.kill('SIGKILL');
      },
      (60 + 4 * limitS) * 1000,
    );
    child.on('error', reject);
    child.on('close', (code) => {
      clearTimeout(timer);
      if (late) resolve(null);
      else if (code === 0) resolve(JSON.parse(out.trimEnd().split('\n').at(-1) ?? '') as Caught | null);
      else reject(new Error(`${mutant.name}: exit code ${code}\n${err.slice(-2_000)}`));
    });
  });
}
