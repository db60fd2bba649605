import { readFile } from 'node:fs/promises';
import type { Run } from '../context.ts';
import { EXIT } from '../exit-codes.ts';

export const openapi: Run = async (ctx) => {
  const { exportOpenapi } = await import('../../app/exports.ts');
  ctx.document(exportOpenapi());
  return EXIT.ok;
};

export const schema: Run = async (ctx) => {
  const { exportSchema } = await import('../../app/exports.ts');
  ctx.document(await exportSchema());
  return EXIT.ok;
};

export const systemd: Run = async (ctx) => {
  const text = await readFile(new URL('../../../deploy/drover.service', import.meta.url), 'utf8');
  if (ctx.globals.json) ctx.document({ schema: 'drover.export/v1', name: 'drover.service', text });
  else ctx.io.stdout.write(text);
  return EXIT.ok;
};
