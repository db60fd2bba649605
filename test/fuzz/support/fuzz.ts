/** Runs one class of inputs: makes each from the seed and its number, judges it, and shrinks and prints what fails. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Draw, SEED } from './draw.ts';
import { type Intrinsics, watchIntrinsics } from './intrinsics.ts';

/** FUZZ_INPUTS: more, to go looking. */
export const INPUTS = Number(process.env['FUZZ_INPUTS'] ?? 100_000);
/** Number of one input to run alone (with those before it since the world was made): replays a failure. */
const ONLY = process.env['FUZZ_AT'] === undefined ? null : Number(process.env['FUZZ_AT']);
const LIMIT_MS = 100;
const TRIES = 5;
const HEAP_GROWTH_BYTES = 100 * 1024 * 1024;
const SHRINK_STEPS = 2000;
const SHRINK_MS = 10_000;

export interface FuzzClass<Input> {
  /** Part of the file's name: stands in the command that replays a failure. */
  readonly name: string;
  readonly inputs?: number;
  make(draw: Draw, index: number): Input;
  /** Throws when the oracle is hurt. */
  check(input: Input): void | Promise<void>;
  show(input: Input): string;
  /** Smaller inputs that may fail as well, best first. */
  shrink?(input: Input): Iterable<Input>;
  /** A new world for the next so many inputs, where inputs leave something behind. */
  /** Before each input, outside of its time. */
  between?(index: number): Promise<void>;
  readonly world?: { readonly every: number; begin(): void | Promise<void> };
}

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

/** Bytes of the heap that are still needed. */
export function heapAfterGc(): number {
  collectGarbage();
  collectGarbage();
  return process.memoryUsage().heapUsed;
}

/** The failure of an input, or null. */
async function failureOf<Input>(kind: FuzzClass<Input>, intrinsics: Intrinsics, input: Input): Promise<Error | null> {
  try {
    let took = (await timeOf(kind, input)).wallMs;
    intrinsics.glance();
    // The machine may have been busy with something else: the best of several tries, in time of the processor, tells what the input costs.
    for (let again = 1; took > LIMIT_MS && again < TRIES; again++) took = Math.min(took, (await timeOf(kind, input)).cpuMs);
    return took > LIMIT_MS ? new Error(`takes ${took.toFixed(0)} ms, ${LIMIT_MS} ms are allowed`) : null;
  } catch (e) {
    return e instanceof Error ? e : new Error(String(e));
  }
}

async function timeOf<Input>(kind: FuzzClass<Input>, input: Input): Promise<{ readonly wallMs: number; readonly cpuMs: number }> {
  const from = performance.now();
  const before = process.cpuUsage();
  const checked = kind.check(input);
  if (checked !== undefined) await checked;
  const { user, system } = process.cpuUsage(before);
  return { wallMs: performance.now() - from, cpuMs: (user + system) / 1000 };
}

async function smallest<Input>(kind: FuzzClass<Input>, intrinsics: Intrinsics, input: Input): Promise<Input> {
  let best = input;
  const endMs = performance.now() + SHRINK_MS;
  let steps = 0;
  for (let found = true; found && steps < SHRINK_STEPS; ) {
    found = false;
    for (const smaller of kind.shrink?.(best) ?? []) {
      if (++steps > SHRINK_STEPS || performance.now() > endMs) return best;
      await kind.world?.begin();
      if ((await failureOf(kind, intrinsics, smaller)) === null) continue;
      best = smaller;
      found = true;
      break;
    }
  }
  return best;
}

async function report<Input>(kind: FuzzClass<Input>, intrinsics: Intrinsics, index: number, input: Input, failure: Error): Promise<Error> {
  const least = await smallest(kind, intrinsics, input);
  const lines = [
    `${kind.name}: input ${index} of seed ${SEED} fails: ${failure.message}`,
    `input: ${kind.show(input).slice(0, 1500)}`,
    ...(least === input ? [] : [`shrunk: ${kind.show(least).slice(0, 1500)}`]),
    `replay: FC_SEED=${SEED} FUZZ_AT=${index} npx vitest run --project fuzz ${kind.name}`,
  ];
  return new Error(lines.join('\n'), { cause: failure });
}

/** Throws for the first input that fails, for a changed prototype, and for memory that is not given back. */
export async function fuzz<Input>(kind: FuzzClass<Input>): Promise<void> {
  const { inputs = INPUTS, world } = kind;
  const every = world?.every ?? inputs;
  const from = ONLY === null ? 0 : ONLY - (world === undefined ? 0 : ONLY % every);
  const end = ONLY === null ? inputs : ONLY + 1;
  const intrinsics = watchIntrinsics();
  let heap = 0;
  for (let index = from; index < end; index++) {
    if (world !== undefined && index % every === 0) await world.begin();
    await kind.between?.(index);
    const input = kind.make(new Draw(SEED, index), index);
    const failure = await failureOf(kind, intrinsics, input);
    if (failure !== null) throw await report(kind, intrinsics, index, input, failure);
    if (index % 1000 !== 999) continue;
    intrinsics.inspect();
    // What is compiled and cached once is there after the first thousand.
    if (heap === 0) heap = heapAfterGc();
    await new Promise((go) => setImmediate(go));
  }
  intrinsics.inspect();
  await world?.begin();
  const grown = heap === 0 ? 0 : heapAfterGc() - heap;
  if (grown > HEAP_GROWTH_BYTES) throw new Error(`${kind.name}: ${(grown / 1024 / 1024).toFixed(0)} MiB of the heap are held after ${inputs} inputs`);
}
