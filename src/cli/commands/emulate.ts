import { addressOf } from '../address.ts';
import type { Context, Run } from '../context.ts';
import { EXIT } from '../exit-codes.ts';
import { countOf } from '../input.ts';

/** Runs until it is told to stop. */
export async function untilStopped(ctx: Context, close: () => Promise<void>): Promise<number> {
  const { promise, resolve } = Promise.withResolvers<number>();
  const ends = [ctx.io.onSignal('SIGINT', () => resolve(EXIT.interrupted)), ctx.io.onSignal('SIGTERM', () => resolve(EXIT.ok))];
  const code = await promise;
  for (const end of ends) end();
  await close();
  return code;
}

export const proxy: Run = async (ctx, input) => {
  const { startProxy } = await import('../../app/emulators.ts');
  const running = await startProxy({
    listen: addressOf(input.text('listen') ?? '127.0.0.1:8080', '--listen'),
    admin: addressOf(input.text('admin') ?? '127.0.0.1:8081', '--admin'),
  });
  if (ctx.globals.json) ctx.jsonLine({ schema: 'drover.emulate/v1', kind: 'proxy', url: running.url, admin: running.adminUrl });
  else ctx.line(`proxy at ${running.url}, told its members at ${running.adminUrl}`);
  return untilStopped(ctx, () => running.close());
};

export const web: Run = async (ctx, input) => {
  const { startWeb } = await import('../../app/emulators.ts');
  const capacity = input.text('capacity');
  const listen = addressOf(input.text('listen') ?? '127.0.0.1:8082', '--listen');
  const running = await startWeb({
    ...listen,
    bootMs: input.durationMs('boot') ?? 0,
    ...(input.text('work') === null ? {} : { workMs: input.durationMs('work') ?? 5 }),
    ...(capacity === null ? {} : { capacityRps: countOf(capacity, '--capacity', 1, 1_000_000) }),
    ...(input.text('name') === null ? {} : { name: input.text('name') ?? 'web' }),
  });
  const host = running.host.includes(':') ? `[${running.host}]` : running.host;
  const url = `http://${host}:${running.port}`;
  if (ctx.globals.json) ctx.jsonLine({ schema: 'drover.emulate/v1', kind: 'web', url });
  else ctx.line(`web server at ${url}`);
  return untilStopped(ctx, () => running.close());
};
