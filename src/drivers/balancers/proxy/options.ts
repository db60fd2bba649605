import { z } from 'zod';
import { timeoutOption } from '../../../kit/timeout-option.ts';
import { urlOption } from '../../../kit/url-option.ts';

export const options = z.strictObject({
  admin: urlOption.describe('URL of the proxy’s admin port, e.g. http://127.0.0.1:8081.'),
  check_path: z
    .string()
    .regex(/^\/[\x21-\x7e]{0,1000}$/, 'a path that begins with /')
    .optional()
    .describe('Path that must answer 2xx or 3xx before a member gets requests. Default: a TCP connection has to open.'),
  timeout: timeoutOption.default('5s').describe('Limit of one call to the admin port, 50ms to 60s. Default 5s.'),
});
export type ProxyOptions = z.output<typeof options>;
