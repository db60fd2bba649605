import { z } from 'zod';

/** Where a secret is kept; its value never stands in a configuration. */
export const secretRef = z
  .union([
    z.strictObject({
      env: z
        .string()
        .regex(/^[A-Za-z_][A-Za-z0-9_]{0,127}$/, 'must be the name of an environment variable')
        .describe('Name of the environment variable that holds the secret.'),
    }),
    z.strictObject({
      file: z
        .string()
        .min(1)
        .max(4096)
        .describe('Path of the file that holds the secret, relative to the configuration file. Not readable by everyone; a last newline is dropped.'),
    }),
    z.strictObject({
      secret: z
        .string()
        .regex(/^[A-Za-z][A-Za-z0-9_.-]{0,63}$/, 'must be the name of a secret: letters, digits, `_`, `-` and `.`, starting with a letter')
        .describe('Name of a secret kept encrypted in the state directory, set by `drover secret set NAME`.'),
    }),
  ])
  .describe('Where the secret is kept: { env: NAME }, { file: PATH } or { secret: NAME }. Read anew at each use, so a rotated file is seen at once.');
