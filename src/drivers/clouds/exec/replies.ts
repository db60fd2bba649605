import { z } from 'zod';

const text = z.string().max(4096).nullish();
/** Shell scripts put quotes around numbers easily. Nothing told in numbers here can be negative, and 400 digits are no number. */
const numeric = z
  .union([
    z.number(),
    z
      .string()
      .regex(/^\d+(\.\d+)?$/, 'must be a number')
      .transform(Number),
  ])
  .pipe(z.number().nonnegative());
/** Seconds are what `date +%s` gives; beyond the year 5138 a number is milliseconds. */
const MOST_SECONDS = 1e11;
/** What a Date can hold. */
const MOST_MS = 8.64e15;
const time = z
  .union([numeric.transform((n) => (n < MOST_SECONDS ? n * 1000 : n)), z.iso.datetime({ offset: true }).transform((iso) => Date.parse(iso))])
  .pipe(z.number().nonnegative().max(MOST_MS));

export const machineReply = z.object({
  id: z.union([z.string().min(1).max(4096), z.int().transform(String)]),
  name: text,
  token: text,
  group: text,
  install: text,
  instance: text,
  template: text,
  state: z.enum(['pending', 'running', 'stopped', 'deleting', 'gone']).default('running'),
  address: text,
  port: numeric.pipe(z.int().min(1).max(65_535)).nullish(),
  zone: text,
  created_at: time.nullish(),
  price_per_hour: numeric.nullish(),
  paid_until: time.nullish(),
});
export type MachineReply = z.output<typeof machineReply>;

export const listReply = z.object({
  machines: z.array(machineReply).max(100_000),
  complete: z.boolean().default(true),
});
