import { Cron } from 'croner';

const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];
const DAYS = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'];
/** Longest each month can be: 29 February comes every fourth year. */
const LONGEST = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

interface Field {
  readonly name: string;
  readonly from: number;
  readonly to: number;
  /** Words for numbers, the first stands for `from` (months) or 0 (days). */
  readonly words: readonly string[];
}
const FIELDS: readonly Field[] = [
  { name: 'minute', from: 0, to: 59, words: [] },
  { name: 'hour', from: 0, to: 23, words: [] },
  { name: 'day of the month', from: 1, to: 31, words: [] },
  { name: 'month', from: 1, to: 12, words: MONTHS },
  { name: 'day of the week', from: 0, to: 7, words: DAYS },
];

export interface CronProblem {
  readonly kind: 'invalid' | 'never';
  readonly why: string;
}

/** What is wrong with five cron fields (lists, ranges, steps, names, `L`, `5#2`), or null. */
export function cronProblem(expression: string): CronProblem | null {
  return problemOf(expression) ?? refusalOf(expression);
}

/** What runs the pattern has the last word: one that passed here and failed there would fail at every evaluation. */
function refusalOf(expression: string): CronProblem | null {
  try {
    new Cron(expression, { timezone: 'UTC', paused: true, mode: '5-part' });
    return null;
  } catch (e) {
    return { kind: 'invalid', why: (e instanceof Error ? e.message : String(e)).replace(/^CronPattern: /, '') };
  }
}

function problemOf(expression: string): CronProblem | null {
  const parts = expression.trim().split(/\s+/);
  if (parts.length !== 5) return { kind: 'invalid', why: `five fields are needed, this has ${expression.trim() === '' ? 'none' : parts.length}` };
  const values: (readonly number[] | null)[] = [];
  for (const [i, field] of FIELDS.entries()) {
    const parsed = parseField(parts[i] ?? '', field);
    if (typeof parsed === 'string') return { kind: 'invalid', why: parsed };
    values.push(parsed);
  }
  const [, , days, months, weekdays] = values;
  // With both days given, either counts; then only a day of the week that exists is needed, and all do.
  if (days === null || days === undefined || (weekdays !== null && weekdays !== undefined)) return null;
  const possible = (months ?? LONGEST.map((_, m) => m + 1)).some((month) => days.some((day) => day <= (LONGEST[month - 1] ?? 31)));
  return possible ? null : { kind: 'never', why: 'no month of these has such a day' };
}

/** The values of a field; null for any; a text that says what is wrong. */
function parseField(text: string, field: Field): readonly number[] | null | string {
  if (text === '*' || text === '?') return null;
  const values: number[] = [];
  for (const part of text.split(',')) {
    const special = specialDay(part, field);
    if (special !== null) {
      values.push(special);
      continue;
    }
    const range = parseRange(part, field);
    if (typeof range === 'string') return range;
    values.push(...range);
  }
  return values;
}

/** `L` (last day of the month), `5L` (last Friday), `5#2` (second Friday): a day that every month has. */
function specialDay(part: string, field: Field): number | null {
  if (field.to === 31 && /^(L|([1-9]|[12]\d|3[01])W|LW)$/i.test(part)) return 1;
  if (field.to === 7 && /^([0-7]|sun|mon|tue|wed|thu|fri|sat)(L|#[1-5])$/i.test(part)) return 1;
  return null;
}

function parseRange(part: string, field: Field): readonly number[] | string {
  const match = /^(\*|[A-Za-z0-9]+)(?:-([A-Za-z0-9]+))?(?:\/(\d+))?$/.exec(part);
  if (match === null || (match[1] === '*' && match[2] !== undefined)) return `\`${part.slice(0, 20)}\` is not a ${field.name}`;
  const [, first = '', last, stepText] = match;
  // What runs the pattern refuses it, so it must not get that far.
  if (stepText !== undefined && last === undefined && first !== '*')
    return `write \`*/${stepText}\` or \`${first}-${field.to}/${stepText}\` for \`${part.slice(0, 20)}\``;
  const from = first === '*' ? field.from : numberOf(first, field);
  const to = last !== undefined ? numberOf(last, field) : first === '*' ? field.to : from;
  const step = stepText === undefined ? 1 : Number(stepText);
  if (from === null || to === null) return `the ${field.name} goes from ${field.from} to ${field.to}`;
  if (from > to) return `the range ${part.slice(0, 20)} of the ${field.name} runs backwards`;
  if (step < 1 || step > field.to) return `a step of ${stepText} does not fit the ${field.name}`;
  const values: number[] = [];
  for (let value = from; value <= to; value += step) values.push(value);
  return values;
}

function numberOf(text: string, field: Field): number | null {
  const word = field.words.indexOf(text.toLowerCase());
  if (word >= 0) return field.from === 1 ? word + 1 : word;
  if (!/^\d{1,2}$/.test(text)) return null;
  const value = Number(text);
  return value >= field.from && value <= field.to ? value : null;
}
