import { z } from 'zod';
import { secretRef } from '../../../kit/secret-ref.ts';
import { timeoutOption } from '../../../kit/timeout-option.ts';
import { urlOption } from '../../../kit/url-option.ts';

export const mattermostOptions = z.strictObject({
  webhook: z
    .union([secretRef, urlOption])
    .describe('Address of the incoming webhook, https://chat.example.org/hooks/…. It is a secret: keep it in { file: PATH } or { env: NAME }.'),
  username: z
    .string()
    .min(1)
    .max(64)
    .describe('Name shown as the sender; the server must allow webhooks to override user names. Default: that of the webhook.')
    .optional(),
  channel: z.string().min(1).max(64).describe('Another channel than the one of the webhook, by its name in the URL. Default: that of the webhook.').optional(),
  timeout: timeoutOption.default('10s').describe('Longest time for one try, 50ms to 1m. Default 10s.'),
});
export type MattermostOptions = z.output<typeof mattermostOptions>;
