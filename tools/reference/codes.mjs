/** docs/reference/reason-codes.md and error-codes.md. */
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { CODES, ERROR_CODES } from '../../src/config/config.ts';
import { explainCode } from '../../src/core/explain.ts';
import { REASONS } from '../../src/core/model/model.ts';
import { launchFailure } from '../../src/engine/failure.ts';
import { DRIVER_ERROR_CODES, DriverError } from '../../src/ports/ports.ts';
import { code, head, listed, page, table } from './markdown.mjs';

const SRC = fileURLToPath(new URL('../../src/', import.meta.url));

/** Sources that are not tests, as one text each. */
export function sources(folder = '') {
  return readdirSync(SRC + folder, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.ts') && !path.endsWith('.test.ts'))
    .map((path) => ({ path: `${folder}${path}`, text: readFileSync(`${SRC}${folder}${path}`, 'utf8') }));
}

const LISTS = new Set(['core/model/reasons.ts', 'core/guard-notes.ts', 'core/explain.ts']);

/** Codes of the closed list that nothing gives yet: they are kept for what is planned, so that their meaning never changes. */
function unused() {
  const texts = sources()
    .filter(({ path }) => !LISTS.has(path))
    .map(({ text }) => text);
  return new Set(Object.keys(REASONS).filter((reason) => !texts.some((text) => text.includes(reason))));
}

const KINDS = [
  ['move', 'Moves', 'Why the size changed, or a machine was replaced. Always the cause, never the mechanism.'],
  ['hold', 'Holds', 'Why the size stayed, or a part of the change waits.'],
  ['limit', 'Limits', 'What cut a change. Being at `min` or `max` is not an alarm; wanting more than `max` for minutes is.'],
  ['blocked', 'Blocked', 'Something outside refused or failed. These need a look.'],
];

export function reasonCodesPage() {
  const idle = unused();
  const sections = KINDS.map(([kind, title, about]) => {
    const rows = Object.keys(REASONS)
      .map((reason) => explainCode(reason))
      .filter((each) => each.kind === kind)
      .map(({ code: reason, summary, guard }) => {
        const repeats = guard?.meaning.startsWith(summary.replace(/\.$/, '')) === true;
        const more = guard === null ? summary : repeats ? guard.meaning : `${summary} ${guard.meaning}`;
        const none = idle.has(reason) ? ' _Not given by this version._' : '';
        const keys = guard === null || guard.keys.length === 0 ? '' : listed(guard.keys, 'and');
        return [code(reason), `${more}${none}`, keys, guard?.default == null ? '' : code(guard.default)];
      });
    const columns = ['code', 'meaning', 'configured by', 'default'];
    const guarded = kind === 'hold' || kind === 'limit';
    return page(
      `## ${title}`,
      about,
      guarded
        ? table(columns, rows)
        : table(
            columns.slice(0, 2),
            rows.map((row) => row.slice(0, 2)),
          ),
    );
  });
  return page(
    head('Reason codes', 'src/core/model/reasons.ts and guard-notes.ts'),
    `Every decision has exactly one reason, and every limit or hold in it has its code. The list is closed: API, CLI, metrics
(${code('drover_decisions_total{reason}')}) and messages use these and no others. ${code('drover explain CODE')} prints the same.
[How a decision is made](../explanation/how-a-decision-is-made.md) tells the order in which guards speak.`,
    ...sections,
  );
}

const DRIVER_MEANING = {
  unauthorized: 'Credentials were refused.',
  'not-found': 'The thing certainly does not exist.',
  throttled: 'Too many calls. What the other side asks us to wait is obeyed, for every group of that cloud.',
  'no-capacity': 'No machines of this kind are to be had there.',
  quota: 'A limit of the account is reached.',
  conflict: 'It exists already, or changed under us: the world is read again.',
  'bad-request': 'The request itself is wrong; repeating it would change nothing.',
  'bad-reply': 'An answer that cannot be understood.',
  unreachable: 'No answer, or none in time.',
  unknown: 'Anything else.',
};

const STATUS_WORDS = {
  400: 'malformed',
  401: 'not authenticated',
  403: 'not allowed',
  404: 'not found',
  405: 'wrong method',
  408: 'too slow',
  409: 'conflict',
  413: 'too large',
  414: 'address too long',
  415: 'content type',
  422: 'a field is wrong',
  429: 'too many wrong credentials',
  431: 'headers too large',
  500: 'our fault',
  503: 'not now',
};

/** Codes of problem documents as the sources of the API give them, by status. */
function problemCodes() {
  const found = new Map();
  const add = (status, name) => found.set(status, (found.get(status) ?? new Set()).add(name));
  for (const { text } of sources('api/')) {
    for (const [, status, name] of text.matchAll(/\b(4\d\d|5\d\d),\s*'([a-z]+(?:-[a-z]+)*)'/g)) add(Number(status), name);
  }
  for (const name of ['no-such-group', 'no-such-instance', 'no-such-decision']) add(404, name);
  add(409, 'refused');
  add(503, 'store-CODE');
  add(503, 'driver-CODE');
  return [...found]
    .sort(([a], [b]) => a - b)
    .map(([status, names]) => [
      String(status),
      STATUS_WORDS[status] ?? '',
      listed(
        [...names].sort((a, b) => (a < b ? -1 : 1)),
        'and',
      ),
    ]);
}

function configurationCodes() {
  return ERROR_CODES.map((name) => {
    const { severity, title, explanation, wrong, right, where } = CODES[name];
    const place = where === 'group' ? 'Inside a group:' : 'The whole file:';
    return page(
      `### ${name}: ${title}`,
      `${severity === 'warning' ? 'A warning: the file is used. ' : ''}${explanation}`,
      `${place}`,
      `\`\`\`text\n${clip(wrong)}\n\`\`\``,
      'instead:',
      `\`\`\`yaml\n${clip(right)}\n\`\`\``,
    );
  });
}

/** The example of "too large" would be. */
const clip = (text) =>
  text
    .trimEnd()
    .split('\n')
    .map((line) => (line.length > 160 ? `${line.slice(0, 40)}…` : line))
    .join('\n');

export function errorCodesPage() {
  const drivers = DRIVER_ERROR_CODES.map((name) => {
    const error = new DriverError(name, '');
    const { cls, code: blocked } = launchFailure(error);
    return [code(name), DRIVER_MEANING[name], error.definite ? 'nothing was done' : 'open: Drover looks before it repeats', `${code(blocked)}, class ${cls}`];
  });
  return page(
    head('Error codes', 'src/config/codes.ts, src/ports/errors.ts and src/api'),
    `- [Configuration](#configuration): ${code('E…')} keep a file from being used, ${code('W…')} are worth a second look.
- [Drivers](#drivers): what a cloud, balancer, source or notifier can answer.
- [API](#api): problem documents.
- Exit codes of the command are with [the command line](cli.md).`,
    '## Drivers',
    'A closed list. The last column is what a failed launch with that code means for the group: each class backs off on its own.',
    table(['code', 'meaning', 'what the call did', 'a launch that ends so'], drivers),
    '## API',
    `Errors are problem documents (RFC 9457, ${code('application/problem+json')}) with ${code('status')}, ${code('code')}, ${code('detail')} and ${code('request_id')};
${code('errors')} names each wrong field, ${code('problems')} holds configuration diagnostics, ${code('confirm')} the groups an ${code('apply')} has to name.
${code('store-CODE')} is one of locked, corrupt, disk-full, io, newer-schema and closed; ${code('driver-CODE')} one of the drivers' codes above.`,
    table(['status', '', 'codes'], problemCodes()),
    '## Configuration',
    ...configurationCodes(),
  );
}
