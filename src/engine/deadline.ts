import { type Clock, DriverError } from '../ports/ports.ts';

/**
 * Runs `call` with a signal that aborts after `ms`. The promise settles by then even if the callee ignores its signal,
 * because a hanging driver must not hang a group. Throws DriverError `unreachable` on time-out.
 */
export async function withDeadline<T>(clock: Clock, ms: number, what: string, call: (signal: AbortSignal) => Promise<T>, outer?: AbortSignal): Promise<T> {
  const abort = new AbortController();
  let cancelTimer = () => {};
  let unhook = () => {};
  const limit = new Promise<never>((_, reject) => {
    const stop = (why: string) => {
      const error = new DriverError('unreachable', why);
      abort.abort(error);
      reject(error);
    };
    cancelTimer = clock.after(ms, () => stop(`${what}: no answer within ${ms / 1000} s`));
    if (outer) {
      const onOuter = () => stop(`${what}: stopped`);
      if (outer.aborted) onOuter();
      else {
        outer.addEventListener('abort', onOuter, { once: true });
        unhook = () => outer.removeEventListener('abort', onOuter);
      }
    }
  });
  try {
    return await Promise.race([call(abort.signal), limit]);
  } finally {
    cancelTimer();
    unhook();
  }
}

/** The answer, or DriverError `unreachable` after `ms`: for callees that need no signal, being bounded themselves or of no consequence. */
export function within<T>(clock: Clock, ms: number, what: string, answer: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const cancel = clock.after(ms, () => reject(new DriverError('unreachable', `${what}: no answer within ${ms / 1000} s`)));
    answer.then(
      (value) => {
        cancel();
        resolve(value);
      },
      (error: unknown) => {
        cancel();
        reject(error as Error);
      },
    );
  });
}
