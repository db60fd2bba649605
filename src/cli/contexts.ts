import { z } from 'zod';

/** `~/.config/drover/config.yaml`: the controllers this user works with. */
export const contextsSchema = z.strictObject({
  context: z.string().optional().describe('Name of the context that is used without --context.'),
  contexts: z
    .record(
      z.string(),
      z.strictObject({
        server: z.string().describe('Address of the controller, e.g. https://drover.example.org:8470.'),
        token_file: z.string().optional().describe('File that holds the token; relative to this file, `~/` for the home directory.'),
        token: z.string().optional().describe('The token itself; a file of its own is better.'),
        ca: z.string().optional().describe('File with the certificate authority to trust (PEM).'),
      }),
    )
    .default({}),
});
