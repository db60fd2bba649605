import { formatDuration } from '../core/units.ts';
import { isTimeZone, localInstant, timeZones } from './calendar-checks.ts';
import { partKey } from './check-drivers.ts';
import { cronProblem } from './cron-problem.ts';
import type { Sense } from './sense.ts';
import { nearest } from './suggest.ts';
import type { Path } from './tree.ts';

/** Numbers of one group that contradict each other. */
export function checkNumbers(s: Sense, group: string): void {
  const path = ['groups', group];
  checkBounds(s, group, path);
  checkHealth(s, path);
  checkMetrics(s, path);
  for (let i = 0; i < s.length([...path, 'policies']); i++) checkPolicy(s, path, i);
  for (let i = 0; i < s.length([...path, 'freezes']); i++) checkTimes(s, [...path, 'freezes', i]);
}

function checkBounds(s: Sense, group: string, path: Path): void {
  const min = s.number([...path, 'min']);
  const max = s.number([...path, 'max']);
  if (min === null || max === null) return;
  if (min > max) {
    const minWritten = s.written([...path, 'min']);
    s.tell('E0104', s.span(minWritten ? [...path, 'min'] : [...path, 'max']), {
      message: `group \`${group}\` can never be satisfied: \`min\` is larger than \`max\``,
      label: minWritten ? `min is ${min} …` : `max is ${max}, but min is ${min} when it is not written`,
      help: minWritten ? `swap them, or set \`max\` to at least ${min}` : 'add `min: 0`',
      ...(minWritten ? { second: { span: s.span([...path, 'max']), label: `… but max is only ${max}` } } : {}),
    });
    return;
  }
  const initial = s.number([...path, 'initial']);
  if (initial !== null && (initial < min || initial > max)) {
    const side = initial < min ? 'min' : 'max';
    s.tell('E0105', s.span([...path, 'initial']), {
      message: `group \`${group}\` would start with a size that its limits refuse`,
      label: `initial is ${initial} …`,
      help: `write a number from ${min} to ${max}, or leave it out: it then starts with ${min}`,
      second: { span: s.written([...path, side]) ? s.span([...path, side]) : s.key(path), label: `… but ${side} is ${side === 'min' ? min : max}` },
    });
  }
}

function checkHealth(s: Sense, path: Path): void {
  const health = [...path, 'health'];
  if (s.written([...health, 'http']) && s.written([...health, 'tcp'])) {
    s.tell('E0117', s.key([...health, 'tcp']), {
      message: 'a machine is asked over HTTP or over TCP, not both',
      label: 'the second kind',
      help: 'keep one of the two',
      second: { span: s.key([...health, 'http']), label: 'the first' },
    });
    return;
  }
  const check = s.written([...health, 'tcp']) ? [...health, 'tcp'] : [...health, 'http'];
  const every = s.number([...check, 'every']);
  const timeout = s.number([...check, 'timeout']);
  if (every !== null && timeout !== null && timeout > every) {
    s.tell('E0119', s.span([...check, 'timeout']), {
      message: 'a health check may take longer than the time to the next one',
      label: `waits ${formatDuration(timeout)} …`,
      help: `write \`timeout: ${shortTime(every)}\` or less`,
      ...(s.written([...check, 'every']) ? { second: { span: s.span([...check, 'every']), label: `… and asks every ${formatDuration(every)}` } } : {}),
    });
  }
  const boot = s.number([...path, 'lifecycle', 'boot_timeout']);
  const after = s.number([...check, 'healthy_after']);
  const needed = every === null || after === null ? null : every * after;
  if (boot === null || needed === null || boot >= needed) return;
  const bootWritten = s.written([...path, 'lifecycle', 'boot_timeout']);
  s.tell('E0108', s.span(bootWritten ? [...path, 'lifecycle', 'boot_timeout'] : [...check, 'every']), {
    message: 'machines are given up before they can have passed their health checks',
    label: bootWritten
      ? `gives up after ${formatDuration(boot)} …`
      : `${after} checks take ${formatDuration(needed)}; machines are given up after ${formatDuration(boot)}`,
    help: `write \`boot_timeout: ${shortTime(needed * 2)}\` or more: the time to boot comes on top`,
    ...(bootWritten
      ? { second: { span: s.key(check), label: `… but ${after} checks, ${formatDuration(every ?? 0)} apart, take ${formatDuration(needed)}` } }
      : {}),
  });
}

/** `90s` → as somebody would write it. */
function shortTime(ms: number): string {
  if (ms % 3_600_000 === 0) return `${ms / 3_600_000}h`;
  if (ms % 60_000 === 0) return `${ms / 60_000}m`;
  return ms % 1000 === 0 ? `${ms / 1000}s` : `${ms}ms`;
}

function checkMetrics(s: Sense, path: Path): void {
  const every = s.number([...path, 'evaluate_every']) ?? s.number(['defaults', 'evaluate_every']);
  const max = s.number([...path, 'max']);
  for (const metric of s.keys([...path, 'metrics'])) {
    const at = [...path, 'metrics', metric];
    const age = s.number([...at, 'max_age']);
    if (age !== null && every !== null && age < every) {
      const place = s.written([...path, 'evaluate_every']) ? [...path, 'evaluate_every'] : ['defaults', 'evaluate_every'];
      s.tell('E0107', s.span([...at, 'max_age']), {
        message: `metric \`${metric}\` would be too old at every evaluation`,
        label: `older than ${formatDuration(age)} is missing …`,
        help: `write \`max_age: ${shortTime(every * 3)}\` (three evaluations), or evaluate more often`,
        ...(s.written(place) ? { second: { span: s.span(place), label: `… but it is evaluated every ${formatDuration(every)}` } } : {}),
      });
    }
    const floor = s.number([...at, 'if_missing', 'floor']);
    if (floor !== null && max !== null && floor > max) aboveMax(s, path, [...at, 'if_missing', 'floor'], floor, max, `metric \`${metric}\``);
    const query = s.text([...at, 'query']);
    const zero = query === null ? null : /\bor\s+(on\s*\(\s*\)\s*)?vector\s*\(\s*0(\.0*)?\s*\)/.exec(query);
    if (zero !== null) {
      s.tell('W0201', within(s, [...at, 'query'], zero[0]), {
        message: `metric \`${metric}\` becomes 0 when its series are gone`,
        label: 'an outage then looks like no load',
        help: `remove \`${zero[0]}\`: Drover holds while a metric is missing; see \`if_missing\` for other choices`,
      });
    }
  }
}

function within(s: Sense, path: Path, part: string): { start: number; end: number } {
  const span = s.span(path);
  const offset = s.input.frame.text.slice(span.start, span.end).indexOf(part);
  return offset < 0 ? span : { start: span.start + offset, end: span.start + offset + part.length };
}

function aboveMax(s: Sense, group: Path, at: Path, size: number, max: number, who: string): void {
  const min = s.number([...group, 'min']);
  // Told already: with min and max the right way round this may be fine.
  if (min !== null && min > max) return;
  s.tell('E0103', s.span(at), {
    message: `${who} asks for ${size}, but the group has at most ${max}`,
    label: `at least ${size} …`,
    help: `set \`max\` to at least ${size}, or ask for ${max} or fewer`,
    second: { span: s.span([...group, 'max']), label: `… but max is ${max}` },
  });
}

interface PolicyValues {
  readonly min?: unknown;
  readonly size?: unknown;
  readonly while_firing?: { readonly min?: unknown } | null;
  readonly change?: { readonly kind?: unknown; readonly size?: unknown } | null;
  readonly steps?: readonly {
    readonly above?: { readonly value: number; readonly percent: boolean } | null;
    readonly below?: { readonly value: number; readonly percent: boolean } | null;
    readonly change?: { readonly kind?: unknown; readonly size?: unknown };
  }[];
}

function checkPolicy(s: Sense, group: Path, i: number): void {
  const path = [...group, 'policies', i];
  const type = s.text([...path, 'type']);
  const name = s.text([...path, 'name']) ?? type ?? '';
  const values = (s.input.parts.options.get(partKey(path)) ?? {}) as PolicyValues;
  const max = s.number([...group, 'max']);
  const floor = (at: Path, size: unknown): void => {
    if (typeof size === 'number' && max !== null && size > max) aboveMax(s, group, [...path, ...at], size, max, `policy \`${name}\``);
  };
  if (type === 'schedule') {
    floor(['min'], values.min);
    floor(['size'], values.size);
    checkTimes(s, path);
  }
  if (type === 'alert') {
    floor(['while_firing', 'min'], values.while_firing?.min);
    if (values.change?.kind === 'to') floor(['change'], values.change.size);
  }
  if (type === 'step') {
    (values.steps ?? []).forEach((step, n) => {
      if (step.change?.kind === 'to') floor(['steps', n, 'change'], step.change.size);
    });
    checkFlapping(s, path, name, values);
  }
}

/** The highest `below` must stay under the lowest `above` of the same kind of bound. */
function checkFlapping(s: Sense, path: Path, name: string, values: PolicyValues): void {
  const steps = values.steps ?? [];
  for (const percent of [true, false]) {
    let above = -1;
    let below = -1;
    steps.forEach((step, n) => {
      if (step.above?.percent === percent && (above < 0 || step.above.value < (steps[above]?.above?.value ?? 0))) above = n;
      if (step.below?.percent === percent && (below < 0 || step.below.value > (steps[below]?.below?.value ?? 0))) below = n;
    });
    const low = steps[below]?.below;
    const high = steps[above]?.above;
    if (low === undefined || low === null || high === undefined || high === null || low.value < high.value) continue;
    const show = (value: number): string => (percent ? `${Math.round(value * 1e6) / 1e4}%` : String(value));
    s.tell('E0106', s.span([...path, 'steps', below, 'below']), {
      message: `policy \`${name}\` would add and remove machines in turn`,
      label: `removes at ${show(low.value)} and below …`,
      help: `leave a gap: write \`below: ${show(high.value / 2)}\`, say`,
      second: { span: s.span([...path, 'steps', above, 'above']), label: `… but adds at ${show(high.value)} and above` },
    });
  }
}

/** Cron, time zone and dates of a schedule or a freeze. */
function checkTimes(s: Sense, path: Path): void {
  const zone = s.text([...path, 'timezone']);
  if (zone !== null && !isTimeZone(zone)) {
    const near = nearestZone(zone);
    s.tell('E0031', s.span([...path, 'timezone']), {
      message: `\`${zone.slice(0, 60)}\` is not a known time zone`,
      label: near === null ? 'not in the IANA database' : `did you mean \`${near}\`?`,
      help: 'write a name such as `Europe/Berlin`, `America/New_York` or `UTC`',
      ...(near === null ? {} : { suggestion: near }),
    });
  }
  const cron = s.text([...path, 'cron']);
  const wrong = cron === null ? null : cronProblem(cron);
  if (wrong !== null) {
    s.tell(wrong.kind === 'never' ? 'E0033' : 'E0032', s.span([...path, 'cron']), {
      message: wrong.kind === 'never' ? 'this cron expression never fires' : 'this is not a cron expression',
      label: wrong.why,
      help: 'five fields: minute, hour, day of the month, month, day of the week; for example `"0 8 * * 1-5"`',
    });
  }
  for (let i = 0; i < s.length([...path, 'dates']); i++) checkDates(s, [...path, 'dates', i]);
}

function nearestZone(zone: string): string | null {
  const whole = nearest(zone, timeZones());
  if (whole !== null) return whole;
  // `Berlin` → `Europe/Berlin`
  const city = zone.split('/').pop()?.replaceAll(' ', '_') ?? '';
  const cities = new Map([...timeZones()].map((z) => [z.split('/').pop() ?? z, z]));
  const near = nearest(city, cities.keys());
  return near === null ? null : (cities.get(near) ?? null);
}

function checkDates(s: Sense, path: Path): void {
  const from = s.text([...path, 'from']);
  const to = s.text([...path, 'to']);
  const start = from === null ? null : localInstant(from, false);
  const end = to === null ? null : localInstant(to, true);
  const noDay = (key: string): void =>
    s.tell('E0034', s.span([...path, key]), { message: 'there is no such day', label: 'not a date', help: 'write `2026-12-24` or `2026-12-24T18:00`' });
  if (from !== null && start === null) noDay('from');
  if (to !== null && end === null) noDay('to');
  if (start !== null && end !== null && end <= start) {
    s.tell('E0034', s.span([...path, 'to']), {
      message: 'this ends before it begins',
      label: `ends ${to ?? ''} …`,
      help: 'swap the two dates',
      second: { span: s.span([...path, 'from']), label: `… but begins ${from ?? ''}` },
    });
  }
}
