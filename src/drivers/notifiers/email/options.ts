import { z } from 'zod';
import { caOption } from '../../../kit/ca-option.ts';
import { secretRef } from '../../../kit/secret-ref.ts';
import { timeoutOption } from '../../../kit/timeout-option.ts';

const address = z
  .string()
  .max(320)
  // biome-ignore lint/suspicious/noControlCharactersInRegex: a line break here would write headers of its own
  .regex(/^[^\u0000-\u001f\u007f,;]*@[^\u0000-\u001f\u007f\s,;@]+$/, 'must be an e-mail address such as ops@example.org or "Ops <ops@example.org>"');

export const emailOptions = z
  .strictObject({
    url: secretRef.describe('Where a URL such as smtps://user:password@mail.example.org:465 is kept, instead of host, port, username and password.').optional(),
    host: z.string().min(1).max(253).describe('Mail server, e.g. mail.example.org. Either this or url.').optional(),
    port: z.number().int().min(1).max(65_535).describe('Its port. Default 465 with tls: implicit, else 587.').optional(),
    tls: z
      .enum(['implicit', 'starttls', 'opportunistic', 'none'])
      .default('starttls')
      .describe(
        'implicit: TLS from the first byte. starttls: refuse a server that cannot. opportunistic: if it can. none: never. Default starttls; a url that begins with smtps:// is implicit.',
      ),
    username: z.string().min(1).max(200).describe('User name, if the server wants one.').optional(),
    password: secretRef.describe('Password of that user.').optional(),
    ca: caOption.optional(),
    from: address.describe('Sender, e.g. "Drover <drover@example.org>".'),
    to: z.array(address).min(1).max(50).describe('Receivers, 1 to 50.'),
    timeout: timeoutOption.default('20s').describe('Longest time for one message, 50ms to 1m. Default 20s.'),
  })
  .superRefine((options, context) => {
    if ((options.url === undefined) === (options.host === undefined)) context.addIssue({ code: 'custom', path: ['host'], message: 'needs either host or url' });
    if ((options.username === undefined) !== (options.password === undefined)) {
      context.addIssue({ code: 'custom', path: ['password'], message: 'username and password come together' });
    }
  });
export type EmailOptions = z.output<typeof emailOptions>;
