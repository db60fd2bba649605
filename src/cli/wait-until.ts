import { formatDuration } from '../app/cli-parts.ts';
import { CliError } from './cli-error.ts';
import type { Context } from './context.ts';
import { EXIT } from './exit-codes.ts';

const LOOK_MS = 500;

/** Looks again and again. Throws exit 8 when the time is up; what was asked for stays asked for. */
export async function waitUntil(ctx: Context, limitMs: number, what: string, done: () => Promise<boolean>): Promise<void> {
  const endMono = ctx.clock.mono() + limitMs;
  for (;;) {
    if (await done()) return;
    const leftMs = endMono - ctx.clock.mono();
    if (leftMs <= 0) throw new CliError(EXIT.timedOut, 'timed-out', `waited ${formatDuration(limitMs)} until ${what}; it is not so yet, and goes on`);
    await ctx.clock.sleep(Math.min(LOOK_MS, leftMs));
  }
}
