import type { GroupSpec } from './model/group.ts';
import type { RemovalCause } from './model/instance.ts';
import type { BlockedCode } from './model/reasons.ts';
import type { Backoff, GroupMemory } from './model/snapshot.ts';

export { type Allowed, allowDestruction, machinesThere } from './destruction.ts';

/** What the engine writes into a group's memory when something happened outside; pure. */

export type FailureClass = 'capacity' | 'quota' | 'auth' | 'rate' | 'provider' | 'boot' | 'hook' | 'balancer';
/** Over once the cloud makes a machine; the others are over once a machine serves. */
const CREATE_CLASSES: readonly string[] = ['capacity', 'quota', 'auth', 'rate', 'provider'];

const FIRST_WAIT_MS = 15_000;
const LONGEST_WAIT_MS = 30 * 60_000;
const HOUR_MS = 3_600_000;
/** Windows are minutes; these bounds only keep memory small whatever happens. */
const KEEP_DESTROYED_MS = 24 * HOUR_MS;
const MAX_DESTROYED = 5_000;
const MAX_LAUNCHED = 10_000;

/** `existing`: machines that run already (0 at a first start). */
export function initialMemory(_spec: GroupSpec, atMs: number, existing: number): GroupMemory {
  return {
    target: existing,
    wants: [],
    moves: [],
    lastOutMs: null,
    lastInMs: null,
    policies: {},
    metrics: {},
    // Nothing is known of the time before: it counts as a gap, so that nothing shrinks before a whole window has been seen.
    lastGapMs: atMs,
    backoff: {},
    destroyed: [],
    launched: [],
    brake: false,
    reached: existing > 0,
    config: '',
  };
}

export function rememberLaunch(memory: GroupMemory, atMs: number): GroupMemory {
  const launched = memory.launched.filter((at) => at > atMs - HOUR_MS);
  launched.push(atMs);
  return { ...memory, launched: launched.slice(-MAX_LAUNCHED) };
}

/**
 * The k-th failure in a row waits 15 s · 2^k, at most 30 min, and at least what the cloud asked for. Failures while already
 * waiting belong to the same round: ten machines refused at once are one failure, not ten.
 */
export function rememberLaunchFailure(
  memory: GroupMemory,
  cls: FailureClass,
  code: BlockedCode,
  detail: string,
  atMs: number,
  retryAfterMs: number | null,
): GroupMemory {
  const before = memory.backoff[cls];
  const sameRound = before !== undefined && atMs < before.nextTryMs;
  const failures = before === undefined ? 1 : sameRound ? before.failures : before.failures + 1;
  const nextTryMs = Math.max(sameRound ? before.nextTryMs : atMs + waitAfter(failures), atMs + (retryAfterMs ?? 0));
  const backoff: Backoff = { failures, lastMs: atMs, nextTryMs, code, detail };
  return { ...memory, backoff: { ...memory.backoff, [cls]: backoff } };
}

function waitAfter(failures: number): number {
  let wait = FIRST_WAIT_MS;
  for (let k = 0; k < failures && wait < LONGEST_WAIT_MS; k++) wait *= 2;
  return Math.min(wait, LONGEST_WAIT_MS);
}

/** `created`: the cloud made a machine, its own refusals are over. `serving`: a machine works, everything is over. */
export function rememberLaunchSuccess(memory: GroupMemory, stage: 'created' | 'serving' = 'created'): GroupMemory {
  const classes = Object.keys(memory.backoff);
  const over = classes.filter((cls) => stage === 'serving' || CREATE_CLASSES.includes(cls));
  if (over.length === 0) return memory;
  const backoff: Record<string, Backoff> = {};
  for (const cls of classes) if (!over.includes(cls)) backoff[cls] = memory.backoff[cls] as Backoff;
  return { ...memory, backoff };
}

/** A machine began to serve after the last failure: booting, hooks and balancer work again. The same memory when none did. */
export function forgetOvercome(memory: GroupMemory, lastServingMs: number | null): GroupMemory['backoff'] {
  if (lastServingMs === null) return memory.backoff;
  let backoff: Record<string, Backoff> | null = null;
  for (const cls in memory.backoff) {
    const one = memory.backoff[cls] as Backoff;
    if (CREATE_CLASSES.includes(cls) || lastServingMs <= one.lastMs) continue;
    backoff ??= { ...memory.backoff };
    delete backoff[cls];
  }
  return backoff ?? memory.backoff;
}

export function rememberDestruction(memory: GroupMemory, cause: RemovalCause, atMs: number): GroupMemory {
  const destroyed = memory.destroyed.filter((d) => d.atMs > atMs - KEEP_DESTROYED_MS);
  destroyed.push({ atMs, cause });
  return { ...memory, destroyed: destroyed.slice(-MAX_DESTROYED) };
}

/** A deletion that was remembered at `beforeMs` is made (perhaps again) now: it counts once, from now. */
export function rememberDestructionAgain(memory: GroupMemory, cause: RemovalCause, beforeMs: number, atMs: number): GroupMemory {
  return rememberDestruction(forgetDestruction(memory, cause, beforeMs), cause, atMs);
}

/** As if the deletion that was remembered at `atMs` had not been asked for. */
export function forgetDestruction(memory: GroupMemory, cause: RemovalCause, atMs: number): GroupMemory {
  const i = memory.destroyed.findIndex((d) => d.atMs === atMs && d.cause === cause);
  return i < 0 ? memory : { ...memory, destroyed: memory.destroyed.toSpliced(i, 1) };
}
