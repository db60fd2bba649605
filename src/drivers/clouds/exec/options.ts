import { z } from 'zod';
import type { Json } from '../../../core/model/json.ts';
import { commandLine, declaredEnv } from '../../../kit/command.ts';
import { durationBetween } from '../../../kit/timeout-option.ts';

const command = (what: string) =>
  commandLine.describe(
    `Command that ${what}. Arguments are literal, no shell reads them; a program with a slash in its name is relative to the configuration file.`,
  );

export const execOptions = z.strictObject({
  list: command('prints all machines of this installation'),
  create: command('makes one machine and prints it'),
  delete: command('deletes one machine and prints nothing'),
  get: command('prints one machine').optional(),
  env: declaredEnv
    .default({})
    .describe('Environment of the commands beside PATH, HOME, LANG, TZ and DROVER_*. A value is a text or a secret: { env: NAME } or { file: PATH }.'),
  cwd: z
    .string()
    .min(1)
    .max(4096)
    .optional()
    .describe('Working directory of the commands, relative to the configuration file. Default: the directory of the configuration file.'),
  timeout: durationBetween(100, 3_600_000)
    .default('60s')
    .describe('Longest time one command may take; then it is killed with all it started in its process group. 100ms to 1h. Default: 60s.'),
  consistency: durationBetween(0, 3_600_000).default('10s').describe('How long after a create the list may still lack the machine, 0s to 1h. Default: 10s.'),
  idempotent: z
    .enum(['token', 'none'])
    .default('none')
    .describe('`token`: create, repeated with the same DROVER_TOKEN, prints the machine of the first time instead of making a second one. Default: none.'),
  concurrency: z.int().min(1).max(100).default(4).describe('Creates and deletes under way at once, 1-100. Default: 4.'),
  zones: z.boolean().default(false).describe('The create command places the machine in DROVER_ZONE. Default: false.'),
});
export type ExecOptions = z.output<typeof execOptions>;

const json: z.ZodType<Json> = z.json() as z.ZodType<Json>;

/** Whatever the commands understand: they get it as it is written. */
export const execTemplate = z
  .record(z.string().min(1).max(200).describe('Any name.'), json.describe('Any value; never a secret, those belong into `env` of the cloud.'))
  .describe('Given to the create command as JSON, in DROVER_TEMPLATE and on its standard input.');
