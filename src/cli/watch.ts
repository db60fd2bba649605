import { CliError } from './cli-error.ts';
import type { Context } from './context.ts';
import { EXIT } from './exit-codes.ts';

const EVERY_MS = 2_000;

/** Shows something again and again until it is interrupted. A controller that is away for a while is no reason to stop. */
export async function watch(ctx: Context, show: () => Promise<unknown>): Promise<number> {
  const stop = new AbortController();
  const ends = (['SIGINT', 'SIGTERM'] as const).map((signal) => ctx.io.onSignal(signal, () => stop.abort()));
  const home = ctx.coloured(ctx.io.stdout) ? '\u001b[H\u001b[2J' : '';
  try {
    for (let first = true; !stop.signal.aborted; first = false) {
      if (!ctx.globals.json) ctx.io.stdout.write(home !== '' ? home : first || ctx.globals.plain ? '' : '\n');
      try {
        await show();
      } catch (e) {
        if (first || !(e instanceof CliError) || e.exit !== EXIT.unreachable) throw e;
        ctx.note(`drover: ${e.message}; trying again`);
      }
      await ctx.clock.sleep(EVERY_MS, stop.signal).catch(() => {});
    }
    return EXIT.interrupted;
  } finally {
    for (const end of ends) end();
  }
}
