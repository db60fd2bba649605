/** Cron patterns, time zones, formulas and quantities: as people write them, and as nobody should. */
import type { Draw } from './draw.ts';
import { mutateText } from './mutate-text.ts';
import { oddText } from './words.ts';

const ZONES = [
  'UTC',
  'Europe/Berlin',
  'America/New_York',
  'Australia/Lord_Howe',
  'America/St_Johns',
  'Asia/Kathmandu',
  'Pacific/Apia',
  'Africa/Casablanca',
  'Antarctica/Troll',
  'US/Eastern',
] as const;
export const FIRST_DAY = Date.UTC(2024, 0, 1);
const DAY_MS = 86_400_000;

/** Days on which some zone changes its clock, found by asking the platform. */
export const CHANGES = ZONES.flatMap((timezone) =>
  Array.from({ length: 1400 }, (_, i) => FIRST_DAY + i * DAY_MS)
    .filter((day) => offsetOn(timezone, day) !== offsetOn(timezone, day + DAY_MS))
    .map((day) => ({ timezone, day })),
);

function offsetOn(timezone: string, day: number): number {
  const parts = new Intl.DateTimeFormat('en-US', { timeZone: timezone, timeZoneName: 'longOffset' }).formatToParts(day);
  const [, sign = '+', hours = '0', minutes = '0'] = /GMT([+-])?(\d\d)?:?(\d\d)?/.exec(parts.find((p) => p.type === 'timeZoneName')?.value ?? '') ?? [];
  return (sign === '-' ? -1 : 1) * (Number(hours) * 60 + Number(minutes));
}

export function zone(draw: Draw): string {
  return draw.pick(ZONES);
}

function field(draw: Draw, from: number, to: number, words: readonly string[]): string {
  const value = (): string => (words.length > 0 && draw.oneIn(4) ? draw.pick(words) : String(draw.between(from, to)));
  const part = (): string => {
    switch (draw.below(6)) {
      case 0:
        return '*';
      case 1:
        return `*/${draw.between(1, to)}`;
      case 2: {
        const low = draw.between(from, to);
        return `${low}-${draw.between(low, to)}${draw.oneIn(3) ? `/${draw.between(1, 9)}` : ''}`;
      }
      default:
        return value();
    }
  };
  return draw.oneIn(3) ? '*' : draw.list(1 + draw.few(3), part).join(',');
}

export function cron(draw: Draw): string {
  const text = [
    field(draw, 0, 59, []),
    field(draw, 0, 23, []),
    draw.oneIn(8) ? draw.pick(['L', '15W', 'LW', '31', '30']) : field(draw, 1, 31, []),
    field(draw, 1, 12, ['JAN', 'feb', 'DEC']),
    draw.oneIn(8) ? draw.pick(['5L', '5#2', '7', 'FRI#1', '0-6']) : field(draw, 0, 7, ['MON', 'sun', 'Fri']),
  ].join(' ');
  if (!draw.oneIn(4)) return text;
  return draw.oneIn(3)
    ? draw.pick([
        '',
        '* * * *',
        '@daily',
        '* * * * * *',
        '60 * * * *',
        '? ? ? ? ?',
        '0 0 30 2 *',
        '*/0 * * * *',
        oddText(draw),
        `${'1,'.repeat(3000)}1 * * * *`,
      ])
    : mutateText(text, draw);
}

export type Tree = number | string | readonly [string, ...Tree[]];
const METRICS = ['a', 'b', 'rps', 'queue_len'] as const;
const BINARY = ['+', '-', '*', '/', '%', '<', '<=', '>', '>=', '==', '!='] as const;
const UNARY = ['abs', 'ceil', 'floor', 'round', 'sqrt'] as const;

export function tree(draw: Draw, depth = 4): Tree {
  if (depth === 0 || draw.oneIn(4)) return draw.oneIn(2) ? draw.pick([0, 1, 2.5, 1000, 1e-9]) : draw.pick(METRICS);
  const inner = (): Tree => tree(draw, depth - 1);
  switch (draw.below(6)) {
    case 0:
      return ['neg', inner()];
    case 1:
      return [draw.pick(UNARY), inner()];
    case 2:
      return [draw.pick(['min', 'max']), ...(draw.list(1 + draw.few(3), inner) as [Tree])];
    case 3:
      return ['?', inner(), inner(), inner()];
    default:
      return [draw.pick(BINARY), inner(), inner()];
  }
}

/** With every bracket, so that it means the tree whatever binds tighter. */
export function formulaText(node: Tree): string {
  if (typeof node === 'number' || typeof node === 'string') return String(node);
  const [operator, ...rest] = node;
  const parts = rest.map(formulaText);
  if (operator === 'neg') return `-(${parts[0]})`;
  if (operator === '?') return `((${parts[0]}) ? (${parts[1]}) : (${parts[2]}))`;
  if (/^\w+$/.test(operator)) return `${operator}(${parts.join(', ')})`;
  return `((${parts[0]}) ${operator} (${parts[1]}))`;
}

/** The tree’s value, told independently of the product. */
export function treeValue(node: Tree, metrics: Readonly<Record<string, number>>): number {
  if (typeof node === 'number') return node;
  if (typeof node === 'string') return metrics[node] ?? Number.NaN;
  const [operator, ...rest] = node;
  const [a = Number.NaN, b = Number.NaN, c = Number.NaN] = rest.map((inner) => treeValue(inner, metrics));
  if (operator === '?') return Number.isNaN(a) ? a : a !== 0 ? b : c;
  const values = rest.map((inner) => treeValue(inner, metrics));
  if (values.some(Number.isNaN)) return Number.NaN;
  const compared: Readonly<Record<string, boolean>> = { '<': a < b, '<=': a <= b, '>': a > b, '>=': a >= b, '==': a === b, '!=': a !== b };
  if (operator in compared) return compared[operator] ? 1 : 0;
  const told: Readonly<Record<string, number>> = {
    ...{ '+': a + b, '-': a - b, '*': a * b, '/': a / b, '%': a % b, neg: -a, min: Math.min(...values), max: Math.max(...values) },
    ...{ abs: Math.abs(a), ceil: Math.ceil(a), floor: Math.floor(a), round: Math.floor(a + 0.5), sqrt: Math.sqrt(a) },
  };
  return told[operator] ?? Number.NaN;
}

const SOUP = [
  'a',
  'rps',
  '1',
  '.5',
  '1e3',
  '+',
  '-',
  '*',
  '/',
  '%',
  '(',
  ')',
  ',',
  '?',
  ':',
  '<',
  '==',
  '=',
  '!',
  '&&',
  '||',
  '.',
  '[',
  ']',
  '{',
  '}',
  "'",
  '"',
  '`',
  ' ',
  'min',
  'max(',
  'this',
  'true',
  'constructor',
  '__proto__',
  ';',
  '=>',
  '...',
  '/*',
  '//',
  '\\u0061',
  'new ',
] as const;
export function formulaSoup(draw: Draw): string {
  if (draw.oneIn(30)) return draw.pick(['(', '-', '[', 'min(', 'a?', '!', '{', '(a,', "'"]).repeat(draw.pick([40, 300, 1000, 20_000]));
  return draw.list(draw.between(1, 30), () => (draw.oneIn(15) ? oddText(draw) : draw.pick(SOUP))).join('');
}

const UNITS = ['ms', 's', 'm', 'h', 'd', 'w', '%', ' EUR/h', ' usd/month', '', 'x', 'µs', ' min'] as const;
/** Durations, percentages, steps, changes, money, bounds. */
export function quantity(draw: Draw): unknown {
  const number = (): string =>
    draw.pick([String(draw.below(100)), `${draw.below(100)}.${draw.below(100)}`, '0', '00', '1e3', '-1', '+2', '9'.repeat(400), '.5', '5.', '٣', '']);
  const part = (): string => `${number()}${draw.pick(UNITS)}`;
  switch (draw.below(8)) {
    case 0:
      return draw.pick([0, -0, 1, 1.5, -1, Number.NaN, Number.POSITIVE_INFINITY, 1e21, null, true, undefined, [], {}, ['4', '100%'], [4, '50%', 1]]);
    case 1:
      return `max(${part()}, ${part()})`;
    case 2:
      return `to ${number()}`;
    case 3:
      return draw.list(1 + draw.few(4), part).join('');
    case 4:
      return oddText(draw);
    case 5:
      return mutateText(draw.pick(['1h30m', 'max(4, 100%)', '120 EUR/month', '+30%', 'to 5', '85%']), draw);
    default:
      return part();
  }
}

export function selector(draw: Draw): string {
  const text = draw.pick([
    'sum(rate(http_requests_total{job="web"}[1m]))',
    'up{job="a\\"b"}',
    'sum by (job) (x) or on (job) vector(0)',
    'max(up) # or vector(0)',
    '/queue/ready',
    'http://{{ip}}:8080/{{instance}}',
  ]);
  if (draw.oneIn(20)) return draw.pick(['by (', 'or on(', 'a{b="', '{', '"\\', ' or ', '{{ip}}', '/~', "a{'"]).repeat(draw.pick([100, 2000]));
  return draw.oneIn(4) ? text : mutateText(text, draw);
}

export function iCalendar(draw: Draw): string {
  const event = (): string =>
    [
      'BEGIN:VEVENT',
      `DTSTART;VALUE=DATE:${draw.pick(['20261225', '20240229', '99999999', '2026'])}`,
      ...(draw.oneIn(2) ? [`DTEND:${draw.pick(['20261226', '20991231', '20250101', 'x'])}`] : []),
      ...(draw.oneIn(2)
        ? [
            `RRULE:FREQ=${draw.pick(['YEARLY', 'YEARLY;COUNT=3', 'YEARLY;INTERVAL=0', 'YEARLY;INTERVAL=1e9', 'YEARLY;COUNT=x', 'WEEKLY', 'YEARLY;UNTIL=20300101'])}`,
          ]
        : []),
      'END:VEVENT',
    ].join('\r\n');
  const text = `BEGIN:VCALENDAR\r\n${draw.list(draw.oneIn(50) ? 400 : draw.below(4), event).join('\r\n')}\r\nEND:VCALENDAR\r\n`;
  return draw.oneIn(2) ? text : mutateText(text, draw);
}
