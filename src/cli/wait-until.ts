import { formatDuration } from '../app/cli-parts.ts';
import { CliError } from './cli-error.ts';
import type { Context } from './context.ts';
import { EXIT } from './exit-codes.ts';

const LOOK_MS = 500;

/** Looks again and again. Throws exit 8 when the time is up, with what stands in the way; what was asked for stays asked for. */
export async function waitUntil(ctx: Context, limitMs: number, what: string, done: () => Promise<boolean>, why: () => Promise<string>): Promise<void> {
  const endMono = ctx.clock.mono() + limitMs;
  for (;;) {
    if (await done()) return;
    const leftMs = endMono - ctx.clock.mono();
    if (leftMs <= 0) {
      const message = `waited ${formatDuration(limitMs)} until ${what}; it is not so yet, and goes on`;
      throw new CliError(EXIT.timedOut, 'timed-out', message, [await why()]);
    }
    await ctx.clock.sleep(Math.min(LOOK_MS, leftMs));
  }
}
