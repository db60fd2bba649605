import { constants } from 'node:fs';
import { copyFile, rm, stat } from 'node:fs/promises';
import { CliError } from '../cli-error.ts';
import type { Context, Run } from '../context.ts';
import { EXIT } from '../exit-codes.ts';

/** A copy of a large store takes its time. */
const LEAST_TIMEOUT_MS = 300_000;

export const backup: Run = async (ctx, input) => {
  const target = input.arg(0);
  const path = target?.includes('/') ? ctx.path(target) : null;
  if (path !== null && (await exists(path))) throw new CliError(EXIT.refused, 'exists', `${target} is there already`, ['a backup never overwrites a file']);
  const client = await ctx.withTimeout(LEAST_TIMEOUT_MS).client();
  const answer = await client.backup({ name: path === null ? target : null });
  const file = path === null ? answer.file : await fetchHere(ctx, answer.file, path);
  if (ctx.globals.json) ctx.document({ ...answer, file });
  else ctx.line(file);
  return EXIT.ok;
};

/** The controller writes beside its store; on the same machine the copy can be taken from there. */
async function fetchHere(ctx: Context, from: string, to: string): Promise<string> {
  if (!(await exists(from))) {
    throw new CliError(EXIT.unreachable, 'elsewhere', `the backup was made, and is on the machine of the controller: ${from}`, ['copy it from there']);
  }
  await copyFile(from, to, constants.COPYFILE_EXCL);
  await rm(from);
  return ctx.shown(to);
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
