import { parseDuration } from '../core/units.ts';
import type { ErrorCode } from './codes.ts';
import { describePlace } from './describe-place.ts';
import { type Diagnostic, type ProblemParts, problem } from './diagnostic.ts';
import { kindOf, wanted } from './field-kind.ts';
import { listWords, nearest } from './suggest.ts';
import type { Telling } from './telling.ts';
import { typeAt } from './telling.ts';
import { toPlain } from './tree.ts';
import { allowedValues, type Finding } from './walk.ts';
import { exampleWords, firstLine, printable, shorten } from './wording.ts';

/** A value that its field does not take, in words. */
export function badValue(f: Extract<Finding, { kind: 'bad-value' }>, telling: Telling): Diagnostic {
  const { frame, root } = telling;
  const place = describePlace(f.path.slice(0, -1), typeAt(root));
  const key = f.path[f.path.length - 1];
  const name =
    typeof key === 'number'
      ? `item ${key + 1} of ${describePlace(f.path.slice(0, -1), typeAt(root))}`
      : key === undefined
        ? 'the configuration'
        : `\`${key}\` of ${place}`;
  const whole = f.node.kind !== 'scalar';
  const span = whole ? (f.keySpan ?? firstLine(f.node, frame)) : f.node.span.end > f.node.span.start ? f.node.span : (f.keySpan ?? f.node.span);
  const tell = (code: ErrorCode, parts: ProblemParts): Diagnostic => problem(frame, code, span, parts);
  const unit = unitProblem(f, name, tell);
  return unit ?? plainProblem(f, name, tell);
}

type Tell = (code: ErrorCode, parts: ProblemParts) => Diagnostic;
type BadValue = Extract<Finding, { kind: 'bad-value' }>;

function unitProblem(f: BadValue, name: string, tell: Tell): Diagnostic | null {
  const value = toPlain(f.node);
  if (typeof value === 'object') return null;
  const said = f.issue?.message ?? '';
  const range = /^at (least|most) /.test(said);
  const shown = printable(String(value));
  switch (kindOf(f.schema)) {
    case 'secret':
      return tell('E0026', {
        message: `${name} is a secret written in the open`,
        label: 'a secret does not belong here',
        help: 'write where it is kept: `{ file: /run/secrets/NAME }`, `{ env: NAME }` or `{ secret: NAME }`; and change it, since it has been in a file',
      });
    case 'duration':
      if (/^\s*\d+(\.\d+)?\s*$/.test(shown)) {
        const zero = Number(shown) === 0;
        return tell('E0021', {
          message: 'a duration needs a unit',
          label: `${shown} what? seconds or minutes`,
          help: zero ? 'write `0s`' : `write \`${shown}m\` for ${shown} minutes or \`${shown}s\` for ${shown} seconds`,
        });
      }
      if (range || parseDuration(value).ok)
        return tell('E0015', {
          message: `${name} is out of range`,
          label: said === '' ? 'not allowed here' : said,
          help: `write a time that is ${said === '' ? 'allowed here' : said}`,
        });
      return notDuration(name, shown, tell);
    case 'percent':
      if (range) return tell('E0015', { message: `${name} is out of range`, label: said, help: `write a percentage that is ${said}` });
      return tell('E0023', {
        message: `${name} is a percentage`,
        label: /^[\d.]+$/.test(shown) ? 'the sign is missing' : 'not a percentage',
        help: percentHelp(shown),
      });
    case 'threshold':
      return tell('E0023', {
        message: `${name} is a number or a percentage`,
        label: 'neither of the two',
        help: 'write a number in the unit of the metric, or a percentage such as `85%`',
      });
    case 'step':
      return tell('E0024', {
        message: `${name} is not a step`,
        label: 'not a step',
        help: 'write a count (`4`), a share (`20%`), or the larger of both (`max(1, 20%)`)',
      });
    case 'change':
      return tell('E0024', { message: `${name} is not a change`, label: 'not a change', help: 'write `+2`, `-1`, `+30%` or `to 5`' });
    case 'money':
    case 'budget':
      return tell('E0025', {
        message: `${name} is not an amount of money`,
        label: said === '' ? 'amount, currency and time?' : 'not an amount of money',
        help: 'write an amount, a currency and a time: `120 EUR/month` or `0.0066 EUR/h`',
      });
    default:
      return null;
  }
}

function percentHelp(shown: string): string {
  const number = Number(shown);
  if (!(number >= 0)) return 'write it like `60%`';
  return number > 0 && number <= 1 ? `write \`${Math.round(number * 1e6) / 1e4}%\`` : `write \`${shown}%\``;
}

const UNIT_WORDS: readonly (readonly [RegExp, string])[] = [
  [/^(ms|msecs?|millis?|milliseconds?)$/i, 'ms'],
  [/^(s|secs?|seconds?)$/i, 's'],
  [/^(m|mins?|minutes?)$/i, 'm'],
  [/^(h|hrs?|hours?)$/i, 'h'],
  [/^(d|days?)$/i, 'd'],
  [/^(w|weeks?)$/i, 'w'],
];

function notDuration(name: string, shown: string, tell: Tell): Diagnostic {
  const parts = /^\s*(\d+(?:\.\d+)?)\s*([A-Za-z]+)\s*$/.exec(shown);
  const unit = UNIT_WORDS.find(([word]) => word.test(parts?.[2] ?? ''))?.[1];
  const meant = parts !== null && unit !== undefined ? `${parts[1]}${unit}` : null;
  return tell('E0022', {
    message: `${name} is not a duration`,
    label: meant === null ? 'not a duration' : `did you mean \`${meant}\`?`,
    help: 'write it with ms, s, m, h or d: `30s`, `5m`, `1h30m`',
    ...(meant === null ? {} : { suggestion: meant }),
  });
}

function plainProblem(f: BadValue, name: string, tell: Tell): Diagnostic {
  const value = toPlain(f.node);
  const issue = f.issue;
  const allowed = allowedValues(f.schema);
  if (f.path.length === 1 && f.path[0] === 'version') {
    return tell('E0017', {
      message: `this is not a version Drover reads`,
      label: 'write 1',
      help: '`version: 1`; a file of a later version needs a later Drover',
    });
  }
  if (issue?.code === 'invalid_value' || (allowed.length > 0 && typeof value === 'string')) {
    const words = (allowed.length > 0 ? allowed : ((issue as { values?: unknown[] }).values ?? [])).map(String);
    const near = typeof value === 'object' || value === null ? null : nearest(String(value), words);
    return tell('E0014', {
      message: `${name} cannot be \`${printable(shorten(value))}\``,
      label: near === null ? 'not one of the possible values' : `did you mean \`${near}\`?`,
      help: `write ${listWords(words, 20)}`,
      ...(near === null ? {} : { suggestion: near }),
    });
  }
  if (issue?.code === 'too_small' || issue?.code === 'too_big') return outOfRange(f, issue, name, tell);
  if (issue?.code === 'invalid_type' || issue?.code === 'invalid_union') return wrongType(f, name, tell);
  const said = issue?.message ?? 'not allowed';
  if (f.path[f.path.length - 1] === 'formula' && typeof value === 'string')
    return tell('E0035', { message: `${name} cannot be computed`, label: said, help: 'write arithmetic over metric names, for example `rps + 10 * jobs`' });
  const reads = /^(must|has|is|needs|cannot|may|at) /.test(said);
  return tell('E0016', {
    message: reads ? `${name} ${said}` : `${name} is not right`,
    label: reads ? 'not right' : said,
    help: `${said}${exampleWords(String(f.path[f.path.length - 1] ?? ''), f.schema)}`,
  });
}

function outOfRange(
  f: BadValue,
  issue: { code: 'too_small' | 'too_big'; minimum?: unknown; maximum?: unknown; origin?: string },
  name: string,
  tell: Tell,
): Diagnostic {
  const small = issue.code === 'too_small';
  const edge: unknown = small ? issue.minimum : issue.maximum;
  const bound = typeof edge === 'number' || typeof edge === 'bigint' ? String(edge) : '';
  const key = String(f.path[f.path.length - 1] ?? '');
  if (key === 'per_instance')
    return tell('E0102', {
      message: `${name} must be more than 0`,
      label: 'the load is divided by this',
      help: 'write how much of the metric one machine carries in comfort, for example `per_instance: 200`',
    });
  const what = issue.origin === 'string' ? 'characters' : issue.origin === 'array' ? 'items' : '';
  const exclusive = (issue as { inclusive?: boolean }).inclusive === false;
  const limit = `${small ? (exclusive ? 'more than' : 'at least') : exclusive ? 'less than' : 'at most'} ${bound}${what === '' ? '' : ` ${what}`}`;
  return tell(what === 'characters' ? 'E0016' : 'E0015', {
    message: `${name} is out of range`,
    label: limit,
    help: `write ${what === '' ? `a number that is ${limit}` : limit}`,
  });
}

function wrongType(f: BadValue, name: string, tell: Tell): Diagnostic {
  const value = toPlain(f.node);
  const want = wanted(f.schema);
  const got =
    value === null
      ? 'nothing'
      : Array.isArray(value)
        ? 'a list'
        : typeof value === 'object'
          ? 'a map'
          : typeof value === 'string'
            ? 'a text'
            : typeof value === 'number'
              ? 'a number'
              : `\`${String(value)}\``;
  const shown = typeof value === 'object' ? '' : printable(String(value));
  const accepts = (v: unknown): boolean => f.schema.safeParse(v).success;
  let help = `write ${want}${exampleWords(String(f.path[f.path.length - 1] ?? ''), f.schema)}`;
  if (typeof value === 'string' && value.trim() !== '' && accepts(Number(value))) help = `write \`${Number(value)}\` without quotes`;
  else if (typeof value === 'string' && /^(yes|on|no|off)$/i.test(value)) help = `write \`${/^(yes|on)$/i.test(value)}\``;
  else if ((typeof value === 'number' || typeof value === 'boolean') && accepts(String(value))) help = `put it in quotes: \`'${shown}'\``;
  else if (typeof value === 'number' && !Number.isInteger(value) && accepts(Math.round(value)))
    help = `write a whole number, for example \`${Math.round(value)}\``;
  else if (!Array.isArray(value) && accepts([value])) help = shown === '' ? 'write a list' : `write a list: \`[${shown}]\``;
  return tell('E0010', { message: `${name} must be ${want}`, label: `this is ${got}`, help });
}
