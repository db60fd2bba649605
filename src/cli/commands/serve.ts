import { DriverError, StoreError, VERSION } from '../../app/cli-parts.ts';
import type { Controller } from '../../app/controller.ts';
import { addressOf } from '../address.ts';
import { CliError, usageError } from '../cli-error.ts';
import { invalidConfig } from '../config-report.ts';
import type { Context, Run } from '../context.ts';
import { EXIT } from '../exit-codes.ts';
import { stateDirOf } from '../find-server.ts';

/** A stop that takes longer than this is given up. */
const STOP_LIMIT_MS = 10_000;

export const serve: Run = async (ctx, input) => {
  const file = ctx.configFile(input.arg(0));
  const format = input.text('log') ?? (ctx.io.stderr.isTTY === true ? 'text' : 'json');
  if (format !== 'json' && format !== 'text') throw usageError('--log is json or text');
  const listen = input.text('listen');
  const stop = waitForStop(ctx);
  const { ConfigInvalid, startController } = await import('../../app/controller.ts');
  let controller: Controller;
  try {
    controller = await startController({
      // Places in messages begin with the file as it was named.
      configFile: ctx.io.cwd === process.cwd() ? file.shown : file.path,
      lastGood: input.flag('lastGood'),
      ...(input.flag('insecureHttp') ? { insecureHttp: true } : {}),
      ...(listen === null ? {} : { listen: addressOf(listen, '--listen') }),
      log: { format, write: (line) => void ctx.io.stderr.write(line.endsWith('\n') ? line : `${line}\n`) },
    });
  } catch (e) {
    if (e instanceof ConfigInvalid) throw await invalidConfig(ctx, e.diagnostics, e.text, file.shown);
    throw await explainStart(e, ctx, file.shown);
  }
  await announce(ctx, controller);
  const endHup = ctx.io.onSignal('SIGHUP', () => {
    controller.configuration.reload().catch((e: unknown) => ctx.note(`drover: the file was not read again: ${e instanceof Error ? e.message : String(e)}`));
  });
  const signal = await stop.signal;
  endHup();
  const late = Symbol('late');
  const ended = await Promise.race([controller.stop(), ctx.clock.sleep(STOP_LIMIT_MS).then(() => late), stop.again]);
  stop.end();
  if (ended === late)
    throw new CliError(EXIT.failed, 'slow-stop', 'the controller did not stop within 10 s and was ended; the next start takes up where it was');
  return signal === 'SIGINT' ? EXIT.interrupted : EXIT.ok;
};

interface Stop {
  readonly signal: Promise<'SIGTERM' | 'SIGINT'>;
  /** A second signal: no more patience. */
  readonly again: Promise<void>;
  end(): void;
}

function waitForStop(ctx: Context): Stop {
  const first = Promise.withResolvers<'SIGTERM' | 'SIGINT'>();
  const second = Promise.withResolvers<void>();
  let count = 0;
  const ends = (['SIGTERM', 'SIGINT'] as const).map((name) =>
    ctx.io.onSignal(name, () => {
      count++;
      if (count === 1) first.resolve(name);
      else second.resolve();
    }),
  );
  return {
    signal: first.promise,
    again: second.promise,
    end: () => {
      for (const end of ends) end();
    },
  };
}

async function announce(ctx: Context, controller: Controller): Promise<void> {
  const { hash, file, error } = await controller.configuration.running();
  if (ctx.globals.json) {
    ctx.jsonLine({
      schema: 'drover.serve/v1',
      version: VERSION,
      pid: process.pid,
      url: controller.url,
      state: controller.stateDir,
      token_file: controller.tokenFile,
      config: hash,
      error,
    });
    return;
  }
  ctx.line(`drover ${VERSION} runs at ${controller.url}`);
  ctx.line(`  file    ${ctx.shown(file ?? '')}`);
  ctx.line(`  state   ${ctx.shown(controller.stateDir)}`);
  ctx.line(`  token   ${ctx.shown(controller.tokenFile)} (role admin; on this machine \`drover\` finds it)`);
  if (error !== null) ctx.note(`drover: ${error}`);
}

async function explainStart(e: unknown, ctx: Context, shown: string): Promise<unknown> {
  const code = (e as { code?: unknown } | null)?.code;
  const message = e instanceof Error ? e.message : String(e);
  if (code === 'EADDRINUSE')
    return new CliError(EXIT.failed, 'address-in-use', `the address is in use: ${message}`, [
      'another controller, or another program, listens there; see --listen',
    ]);
  if (code === 'EACCES') return new CliError(EXIT.failed, 'address-refused', `this user may not listen there: ${message}`);
  if (e instanceof Error && e.name === 'OperationError') return new CliError(code === 'refused' ? EXIT.refused : EXIT.failed, String(code), message);
  if (code === 'locked')
    return new CliError(EXIT.refused, 'store-locked', message, ['one controller runs on one state directory; stop the other one, or use another server.state']);
  if (code === 'not-found' && message.includes(ctx.configFile(shown).path)) {
    return new CliError(EXIT.notFound, 'no-config', `there is no ${shown}`, ['write a first one:  drover init']);
  }
  if ((e instanceof DriverError || e instanceof StoreError) && message.includes(await stateDirOf(ctx, shown)))
    return new CliError(EXIT.failed, 'state', `the state directory cannot be used: ${message}`, [
      'it has to be writable for this user; another place for it: `server.state` in the configuration',
    ]);
  return e;
}
