import { setFlagsFromString } from 'node:v8';
import { runInThisContext } from 'node:vm';

/** Running code inside one turn of the event loop, with the real world shut out: what a deterministic simulation stands on. */

/**
 * Runs every promise reaction that is ready, now, inside this turn of the event loop: V8's own checkpoint, sixteen times cheaper than a turn
 * of the loop. It does nothing when called from a promise reaction itself, so the caller must stand in a macrotask.
 */
export const drainNow: () => void = (() => {
  setFlagsFromString('--allow-natives-syntax');
  return runInThisContext('() => %PerformMicrotaskCheckpoint()') as () => void;
})();

/** Thrown by whoever reaches for the real world inside a simulation. */
export class Nondeterminism extends Error {
  constructor(what: string) {
    super(`${what} is not for simulated code: time, chance and the outside come through ports`);
    this.name = 'Nondeterminism';
  }
}

const FORBIDDEN = ['setTimeout', 'setInterval', 'setImmediate', 'queueMicrotask', 'fetch'] as const;

/** Runs a job during which real time, chance and I/O throw. The job must not leave anything behind that runs later. */
export function trapped<T>(job: () => T): T {
  const refuse = (what: string) => () => {
    throw new Nondeterminism(what);
  };
  const undo: (() => unknown)[] = [];
  const put = (target: object, key: string, value: unknown): void => {
    const old = Object.getOwnPropertyDescriptor(target, key);
    if (old && !old.configurable) return;
    Object.defineProperty(target, key, { configurable: true, enumerable: old?.enumerable ?? false, writable: true, value });
    // What is inherited comes back when what stands before it goes.
    undo.push(() => (old ? Object.defineProperty(target, key, old) : Reflect.deleteProperty(target, key)));
  };
  const RealDate = Date;
  // Dates made from a number are arithmetic; a date of now is a look at the clock.
  const TrappedDate = new Proxy(RealDate, {
    construct: (target, args) => {
      if (args.length === 0) throw new Nondeterminism('new Date()');
      return Reflect.construct(target, args) as object;
    },
    apply: refuse('Date()'),
    get: (target, key, receiver) => (key === 'now' ? refuse('Date.now') : Reflect.get(target, key, receiver)),
  });
  put(globalThis, 'Date', TrappedDate);
  put(Math, 'random', refuse('Math.random'));
  put(performance, 'now', refuse('performance.now'));
  put(process, 'hrtime', refuse('process.hrtime'));
  put(process, 'nextTick', refuse('process.nextTick'));
  put(globalThis.crypto, 'getRandomValues', refuse('crypto.getRandomValues'));
  put(globalThis.crypto, 'randomUUID', refuse('crypto.randomUUID'));
  for (const key of FORBIDDEN) put(globalThis, key, refuse(key));
  try {
    return job();
  } finally {
    for (const back of undo.reverse()) back();
  }
}
