import { z } from 'zod';

export const grafanaOptions = z.strictObject({});
