import { z } from 'zod';
import type { ScheduleTimes } from '../model/calendar.ts';
import { duration } from '../units.ts';
import { abstain, type PolicyDefinition, type PolicyProposal, proposal } from './policy.ts';
import { NO_MEMORY } from './target-size.ts';

export type ScheduleOptions = ScheduleTimes;

const DAY = /^\d{4}-\d\d-\d\d$/;
const DAY_OR_TIME = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d)?)?$/;
const localTime = (what: string) => z.string().regex(DAY_OR_TIME, 'write a local date or time: 2026-12-24 or 2026-12-24T18:00').describe(what);

/** When something applies; shared by schedules and freezes. */
export const timesFields = {
  cron: z
    .string()
    .nullable()
    .prefault(null)
    .describe(
      'When it starts, as five cron fields in local time: `"0 8 * * 1-5"`. A time the clock skips runs at the next valid instant, a repeated one runs once.',
    ),
  for: duration({ min: '1m', max: '31d' }).nullable().prefault(null).describe('How long it lasts from each start of `cron`, such as `10h`. 1m to 31d.'),
  timezone: z.string().min(1).prefault('UTC').describe('Time zone of `cron`, `dates` and `except`, such as `Europe/Berlin`. Default UTC.'),
  dates: z
    .array(
      z.strictObject({
        from: localTime('First moment: `2026-12-24` or `2026-12-24T18:00`.'),
        to: localTime('End: `2026-12-26` (that day is the last) or `2026-12-26T06:00`.'),
      }),
    )
    .max(1000)
    .prefault([])
    .describe('One-off times, beside or instead of `cron`. At most 1000.'),
  except: z
    .array(z.string().regex(DAY, 'write a date: 2026-12-25'))
    .max(5000)
    .prefault([])
    .describe('Local dates on which `cron` does not start: holidays. At most 5000; default none.'),
};

interface Times {
  readonly cron: string | null;
  readonly for: number | null;
  readonly dates: readonly unknown[];
}
export const hasTimes = (t: Times) => t.cron !== null || t.dates.length > 0;
export const HAS_TIMES = 'write `cron` with `for`, or `dates`';
export const cronHasFor = (t: Times) => (t.cron === null) === (t.for === null);
export const CRON_HAS_FOR = '`cron` and `for` belong together: when it starts and how long it lasts';

const size = (what: string) => z.number().int().min(0).max(1_000_000).nullable().prefault(null).describe(what);

const options = z
  .strictObject({
    ...timesFields,
    min: size('At least this many machines while it applies.'),
    max: size('At most this many machines while it applies.'),
    size: size('Exactly this many machines while it applies. Not together with `min` or `max`.'),
    ramp: duration({ max: '1d' })
      .prefault('0s')
      .describe('Time before the start in which `min` or `size` is built up, and after the end in which it is given back. 0s to 1d; default 0s.'),
  })
  .refine(hasTimes, { message: HAS_TIMES, path: ['cron'] })
  .refine(cronHasFor, { message: CRON_HAS_FOR, path: ['for'] })
  .refine((o) => (o.size === null) !== (o.min === null && o.max === null), { message: 'write `size`, or `min` and/or `max`' })
  .refine((o) => o.min === null || o.max === null || o.min <= o.max, { message: '`min` is larger than `max`', path: ['max'] });

/** A window in which the configured changes are held back (`freezes`). */
export const freezeSchema = z
  .strictObject(timesFields)
  .refine(hasTimes, { message: HAS_TIMES, path: ['cron'] })
  .refine(cronHasFor, { message: CRON_HAS_FOR, path: ['for'] });

/** Cron and time zones were resolved while observing; here the window is only a pair of bounds. */
export const schedulePolicy: PolicyDefinition<ScheduleOptions> = {
  type: 'schedule',
  title: 'Sizes by the clock',
  summary: 'A minimum, a maximum or a size at certain times. A minimum only keeps machines: when it ends, other policies (or a `size`) lead back.',
  options,
  metricsOf: () => [],
  canShrink: (o) => o.size !== null || o.max !== null,
  propose(context) {
    return { proposal: fromWindow(context.schedule, context.target), memory: NO_MEMORY };
  },
};

function fromWindow(window: { min: number | null; max: number | null; size: number | null; text: string } | null, target: number): PolicyProposal {
  if (window === null) return abstain('outside its times');
  const { min, max, size } = window;
  if (size !== null) {
    const reason = size === target ? 'HOLD_TOLERANCE' : 'SCHEDULE_FLOOR';
    return proposal({ wants: size, cap: size, exact: size, reason, arithmetic: `${window.text}: exactly ${size}` });
  }
  const bounds = [min === null ? null : `at least ${min}`, max === null ? null : `at most ${max}`].filter((b) => b !== null).join(', ');
  const arithmetic = `${window.text}: ${bounds}`;
  if (min === null) return abstain(arithmetic, { cap: max, reason: 'SCHEDULE_FLOOR' });
  return proposal({ wants: min, floor: true, cap: max, exact: min, reason: 'SCHEDULE_FLOOR', arithmetic });
}
