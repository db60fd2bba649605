import { usageError } from './cli-error.ts';

/** Whole seconds, as the API takes them; at least one. */
export function secondsOf(ms: number, what: string): number {
  if (ms < 1000) throw usageError(`${what} is at least 1s`);
  return Math.round(ms / 1000);
}
