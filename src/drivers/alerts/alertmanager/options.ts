import { z } from 'zod';

export const alertmanagerOptions = z.strictObject({});
