import { z } from 'zod';

export const alertmanagerOptions = z.strictObject({
  any_version: z
    .boolean()
    .default(false)
    .describe('Take messages whatever version they name, as prometheus-am-executor does. Default false: only "4", and those that name none.'),
});
