import { describe, expect, test } from 'vitest';
import { context } from '../fixtures/context.ts';
import { T0 } from '../fixtures/group.ts';
import type { ScheduleWindow } from '../model/snapshot.ts';
import { freezeSchema, schedulePolicy } from './schedule.ts';

const HOURS = { cron: '0 8 * * 1-5', for: '10h', timezone: 'Europe/Berlin' };
const ask = (window: Partial<ScheduleWindow> | null) => {
  const schedule = window === null ? null : { min: null, max: null, size: null, untilMs: T0, text: 'Mon-Fri', ...window };
  return schedulePolicy.propose(context([], { schedule }), schedulePolicy.options.parse({ ...HOURS, min: 1 }), null).proposal;
};

describe('what it says', () => {
  test('outside its times nothing', () => expect(ask(null)).toMatchObject({ abstains: true, wants: null, blocksShrink: false }));
  test('a minimum is a floor', () =>
    expect(ask({ min: 6 })).toMatchObject({ wants: 6, floor: true, cap: null, reason: 'SCHEDULE_FLOOR', arithmetic: 'Mon-Fri: at least 6' }));
  test('a maximum alone asks for nothing and caps', () =>
    expect(ask({ max: 3 })).toMatchObject({ abstains: true, wants: null, cap: 3, arithmetic: 'Mon-Fri: at most 3' }));
  test('both', () => expect(ask({ min: 2, max: 3 })).toMatchObject({ wants: 2, floor: true, cap: 3 }));
  test('a size is a wish and a cap', () => expect(ask({ size: 3 })).toMatchObject({ wants: 3, floor: false, cap: 3 }));
});

describe('options', () => {
  test('defaults and units', () => {
    expect(schedulePolicy.options.parse({ ...HOURS, min: 4, ramp: '10m' })).toEqual({
      cron: '0 8 * * 1-5',
      for: 36_000_000,
      timezone: 'Europe/Berlin',
      dates: [],
      except: [],
      min: 4,
      max: null,
      size: null,
      ramp: 600_000,
    });
  });
  test('one-off dates need no cron', () => {
    const dates = [{ from: '2026-11-27', to: '2026-11-30T06:00' }];
    expect(schedulePolicy.options.safeParse({ dates, size: 8 }).success).toBe(true);
    expect(freezeSchema.safeParse({ dates }).success).toBe(true);
  });
  test.each([
    [{ min: 4 }],
    [{ ...HOURS }],
    [{ cron: HOURS.cron, min: 4 }],
    [{ for: '1h', min: 4 }],
    [{ ...HOURS, min: 5, max: 4 }],
    [{ ...HOURS, size: 5, max: 4 }],
    [{ ...HOURS, min: -1 }],
    [{ ...HOURS, min: 1, except: ['25.12.2026'] }],
    [{ ...HOURS, min: 1, for: 10 }],
  ])('%j are refused', (o) => expect(schedulePolicy.options.safeParse(o).success).toBe(false));
});
