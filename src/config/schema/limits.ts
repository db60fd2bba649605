import { z } from 'zod';
import { budget, duration, field, percent, stepLimit, wholeNumber } from '../values.ts';

const scaleOut = field(
  z
    .strictObject({
      step: field(
        stepLimit().prefault('max(4, 100%)'),
        'Most machines added at once: a count, a share of the present target, or the larger of both.',
        'max(4, 100%)',
      ),
      every: field(duration({ max: '1d' }).prefault('30s'), 'Time between two steps out.', '30s'),
    })
    .prefault({}),
  'How fast the group may grow.',
  { step: 4, every: '30s' },
);

const scaleIn = field(
  z
    .strictObject({
      step: field(stepLimit().prefault('max(1, 20%)'), 'Most machines removed at once: a count, a share of the present target, or the larger of both.', 1),
      every: field(duration({ max: '1d' }).prefault('60s'), 'Time between two steps in.', '2m'),
      after_quiet: field(duration({ max: '7d' }).prefault('5m'), 'It must have wanted fewer for this long; the highest want of the window counts.', '5m'),
    })
    .prefault({}),
  'How fast the group may shrink.',
  { step: 1, every: '2m', after_quiet: '5m' },
);

const brake = field(
  z
    .strictObject({
      fraction: field(percent({ min: 0, max: 1 }).prefault('30%'), 'Share of unhealthy machines from which the check itself is doubted.', '30%'),
      count: field(wholeNumber(1, 100_000).prefault(3), 'And at least this many.', 3),
    })
    .prefault({}),
  'Mass-unhealthy brake: when both are reached, nothing is replaced and nothing shrinks.',
  { fraction: '30%', count: 3 },
);

const destruction = field(
  z
    .strictObject({
      window: field(duration({ min: '10s', max: '1d' }).prefault('5m'), 'Sliding window over which deletions are counted.', '5m'),
      replace: field(stepLimit().prefault('max(1, 10%)'), 'Replacements and refreshes in the window.', 'max(1, 10%)'),
      all: field(stepLimit().prefault('max(2, 50%)'), 'Deletions of every cause in the window.', 'max(2, 50%)'),
    })
    .prefault({}),
  'Destruction budget: the most that is deleted in a window, whatever asks for it.',
  { window: '5m', replace: 'max(1, 10%)', all: 'max(2, 50%)' },
);

const approve = field(
  z
    .strictObject({
      scale_in: field(wholeNumber(0, 100_000).optional(), 'Removing more than this many at once needs a person. Default: never.', 3),
      scale_out: field(wholeNumber(0, 100_000).optional(), 'Adding more than this many at once needs a person. Default: never.', 20),
    })
    .prefault({}),
  'Changes that wait for a person (`drover approve`).',
  { scale_in: 3 },
);

export const limitsSchema = field(
  z
    .strictObject({
      scale_out: scaleOut,
      scale_in: scaleIn,
      collapse_guard: field(
        z.union([percent({ min: 0, max: 1 }), z.enum(['off'])]).prefault('50%'),
        'A metric that falls by more than this at once, with nothing to explain it, is taken for an outage until it persists; `off` switches the guard off.',
        '50%',
      ),
      flap_check: field(z.boolean().prefault(true), 'Refuse a change that would at once call for the opposite one.', true),
      budget: field(
        budget().optional(),
        'Money: `120 EUR/month`, `0.50 EUR/h`, or a list of both. By the hour, the group grows as far as it allows; by the month (calendar month, UTC), until that much is spent. Never keeps it from min. Needs prices.',
        '120 EUR/month',
      ),
      launches_per_hour: field(wholeNumber(1, 100_000).optional(), 'Most launches in a sliding hour. Default: no limit.', 60),
      brake,
      destruction,
      approve,
    })
    .prefault({}),
  'What limits or holds a change.',
  { scale_in: { step: 1, every: '2m', after_quiet: '5m' }, budget: '120 EUR/month' },
);
