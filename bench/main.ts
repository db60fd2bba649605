/** `npm run bench -- [NAME…] [--json] [--profile]`: the figures of README.md, measured on this machine. Exit code 64: no such bench; 1: one of them failed. */
import { cpus, loadavg, type as osType, release, totalmem } from 'node:os';
import { engineTick } from './engine-tick.ts';
import { asText, type BenchResult } from './figures.ts';
import { incident } from './incident/incident.ts';
import { react } from './react/react.ts';
import { scaleOut100 } from './scale-out-100.ts';
import { status } from './status.ts';
import { ticks } from './ticks.ts';

/** In the order they run. */
const BENCHES: Readonly<Record<string, () => Promise<BenchResult>>> = {
  'engine-tick': () => engineTick({ profile: args.includes('--profile') }),
  ticks,
  react,
  incident,
  'scale-out-100': scaleOut100,
  status,
};
const FLAGS = ['--json', '--profile'];

const args = process.argv.slice(2);
const json = args.includes('--json');
const names = args.filter((arg) => !arg.startsWith('--'));
const unknown = [...args.filter((arg) => arg.startsWith('--') && !FLAGS.includes(arg)), ...names.filter((name) => !Object.hasOwn(BENCHES, name))];
if (unknown.length > 0) {
  process.stderr.write(`bench: there is no ${unknown.join(', ')}. There are: ${Object.keys(BENCHES).join(', ')}, and ${FLAGS.join(', ')}\n`);
  process.exit(64);
}

const machine = {
  system: `${osType()} ${release()}`,
  cpu: cpus()[0]?.model ?? 'unknown',
  cpus: cpus().length,
  memoryMiB: Math.round(totalmem() / 1_048_576),
  node: process.version,
};
const say = (text: string): void => void (json ? process.stderr : process.stdout).write(text);
say(
  `${machine.cpus} × ${machine.cpu}, ${machine.memoryMiB} MiB, ${machine.system}, Node ${machine.node}, ${new Date().toISOString()}, load average ${loadavg()[0]?.toFixed(2)}\n\n`,
);
const results: BenchResult[] = [];
for (const [name, run] of Object.entries(BENCHES)) {
  if (names.length > 0 && !names.includes(name)) continue;
  const startMs = performance.now();
  try {
    const result = await run();
    results.push(result);
    say(`${asText(result)}   took ${((performance.now() - startMs) / 1000).toFixed(0)} s\n\n`);
  } catch (e) {
    process.exitCode = 1;
    say(`── ${name}: FAILED\n${e instanceof Error ? (e.stack ?? e.message) : String(e)}\n\n`);
  }
}
if (json) process.stdout.write(`${JSON.stringify({ atMs: Date.now(), machine, results }, null, 2)}\n`);
