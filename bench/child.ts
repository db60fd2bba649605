/** Runs a part of a bench as a process of its own, so that its memory and CPU are nobody else's. */
import { spawn } from 'node:child_process';
import { isAbsolute } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const pathOf = (program: string): string => fileURLToPath(new URL(program, import.meta.url));

/** One file of JavaScript, as the published package is: a process that runs the sources also holds the compiler that strips their types. */
export async function bundle(program: string, outfile: string): Promise<void> {
  await build({
    entryPoints: [pathOf(program)],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node24.15',
    banner: { js: "import{createRequire as __createRequire}from'node:module';const require=__createRequire(import.meta.url);" },
    logLevel: 'error',
  });
}

/** The child prints one JSON value as its last line of stdout. Throws with its stderr when it fails or takes longer. */
export async function measureInChild<T>(program: string, args: readonly string[], options: { timeoutMs: number; nodeArgs?: readonly string[] }): Promise<T> {
  const child = spawn(process.execPath, [...(options.nodeArgs ?? []), isAbsolute(program) ? program : pathOf(program), ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let out = '';
  let err = '';
  child.stdout.on('data', (chunk) => {
    out += chunk;
  });
  child.stderr.on('data', (chunk) => {
    err = `${err}${chunk}`.slice(-20_000);
  });
  const timer = setTimeout(() => child.kill('SIGKILL'), options.timeoutMs);
  const code = await new Promise<number | null>((done) => child.once('close', done));
  clearTimeout(timer);
  if (code !== 0) throw new Error(`${program} ${args.join(' ')}: ${code === null ? `stopped after ${options.timeoutMs} ms` : `exit code ${code}`}\n${err}`);
  return JSON.parse(out.trim().split('\n').at(-1) ?? '') as T;
}
