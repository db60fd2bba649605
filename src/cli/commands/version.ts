import { VERSION } from '../../app/cli-parts.ts';
import { CliError } from '../cli-error.ts';
import type { Run } from '../context.ts';
import { EXIT } from '../exit-codes.ts';

export const version: Run = async (ctx) => {
  const server = await (await ctx.client().catch(noController))?.version().catch(noController);
  const own = { version: VERSION, node: process.versions.node, platform: `${process.platform}-${process.arch}` };
  if (ctx.globals.json) {
    ctx.document({ schema: 'drover.versions/v1', ...own, controller: server ? { version: server.version, install: server.install } : null });
    return EXIT.ok;
  }
  ctx.line(`drover ${VERSION}, Node ${own.node}, ${own.platform}`);
  if (server) ctx.line(`controller ${server.version}, installation ${server.install}`);
  return EXIT.ok;
};

/** This command is also for finding out why nothing works. */
function noController(e: unknown): undefined {
  if (!(e instanceof CliError)) throw e;
}
