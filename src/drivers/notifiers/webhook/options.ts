import { z } from 'zod';
import { caOption } from '../../../kit/ca-option.ts';
import { httpAuth, httpHeaders } from '../../../kit/http-auth.ts';
import { secretRef } from '../../../kit/secret-ref.ts';
import { timeoutOption } from '../../../kit/timeout-option.ts';
import { urlOption } from '../../../kit/url-option.ts';

export const webhookOptions = z.strictObject({
  url: urlOption.describe('Address that takes the notification as JSON by POST; any 2xx answer is success.'),
  timeout: timeoutOption.default('10s').describe('Longest time for one try, 50ms to 1m. Default 10s.'),
  auth: httpAuth.optional(),
  headers: httpHeaders.optional(),
  ca: caOption.optional(),
  sign: z
    .strictObject({ secret: secretRef.describe('Key of the signature.') })
    .describe(
      'Sign each message: X-Drover-Signature is the hex HMAC-SHA256 of TIMESTAMP:BODY, X-Drover-Timestamp the Unix time in seconds. Default: not signed.',
    )
    .optional(),
});
export type WebhookOptions = z.output<typeof webhookOptions>;
