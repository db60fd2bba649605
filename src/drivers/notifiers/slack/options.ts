import { z } from 'zod';
import { secretRef } from '../../../kit/secret-ref.ts';
import { timeoutOption } from '../../../kit/timeout-option.ts';
import { urlOption } from '../../../kit/url-option.ts';

export const slackOptions = z.strictObject({
  webhook: z
    .union([secretRef, urlOption])
    .describe('Address of the incoming webhook, https://hooks.slack.com/services/…. It is a secret: keep it in { file: PATH } or { env: NAME }.'),
  timeout: timeoutOption.default('10s').describe('Longest time for one try, 50ms to 1m. Default 10s.'),
});
export type SlackOptions = z.output<typeof slackOptions>;
