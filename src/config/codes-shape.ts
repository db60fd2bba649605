import { type CodeInfo, error } from './code-info.ts';

const RPS = `metrics:
  rps: { from: prom, query: 'sum(rate(http_requests_total[1m]))' }`;

/** Mistakes in the form of a file: its YAML, its fields, its units. */
export const SHAPE_CODES = {
  // The file itself
  E0001: error(
    'the file is not YAML',
    'The parser cannot make sense of this place, so nothing after it was looked at. Most often an indentation is off, a tab was used, or a quote or bracket was not closed.',
    'file',
    'version: 1\ngroups: { web: { cloud: local, max: 3 }\n',
    'version: 1\ngroups: { web: { cloud: local, template: { command: [./web] }, max: 3 } }\n',
  ),
  E0002: error(
    'a key is written twice',
    'In a map every key stands once. YAML libraries differ in which of the two they keep, so Drover takes neither.',
    'group',
    'max: 3\nmax: 5',
    'max: 5',
  ),
  E0003: error(
    'a feature of YAML that configurations do without',
    'Tags, merge keys, more than ten aliases, keys that are not plain words, and the names __proto__, constructor and prototype are refused: they hide what a file says, or are a way to attack the reader of it.',
    'group',
    'max: !!int 3',
    'max: 3',
  ),
  E0004: error(
    'the file is too large',
    'A configuration is at most 256 KiB, 32 levels deep and 20 000 values. Start-up scripts and data belong in files of their own.',
    'file',
    `${'['.repeat(201)}\n`,
    'version: 1\ngroups: {}\n',
  ),
  E0006: error('the file is empty', 'There is nothing to run. `drover init` writes a first file.', 'file', '# nothing yet\n', 'version: 1\ngroups: {}\n'),
  // Shape
  E0010: error(
    'the wrong kind of value',
    'A text, a number, true or false, a list or a map: this field takes another kind than the one written.',
    'group',
    'max: many',
    'max: 10',
  ),
  E0011: error(
    'a field is missing',
    'This field has no default that would be right for everybody, so it has to be written.',
    'file',
    'groups: {}\n',
    'version: 1\ngroups: {}\n',
  ),
  E0012: error('an unknown field', 'Unknown fields are never ignored: a misspelt limit would be a limit that does not exist.', 'group', 'maxx: 10', 'max: 10'),
  E0013: error(
    'a field in the wrong place',
    'The field exists, but elsewhere. Most often the indentation is one level off.',
    'group',
    'after_quiet: 5m',
    'limits: { scale_in: { after_quiet: 5m } }',
  ),
  E0014: error('not one of the possible values', 'This field takes one of a few words, which the message lists.', 'group', 'mode: observ', 'mode: observe'),
  E0015: error('a number or time out of range', 'The value is beyond what this field allows; the message names the bound.', 'group', 'min: -1', 'min: 0'),
  E0016: error(
    'a text of the wrong form',
    'The text does not have the form this field needs, such as an address, a path or a pattern.',
    'group',
    'health: { http: { path: healthz } }',
    'health: { http: { path: /healthz } }',
  ),
  E0017: error(
    'an unknown version of the format',
    'This Drover reads version 1. A file of a later version needs a later Drover.',
    'file',
    'version: 2\ngroups: {}\n',
    'version: 1\ngroups: {}\n',
  ),
  E0018: error(
    'two ways to say one thing',
    'Both were written and they may differ, so Drover follows neither.',
    'file',
    'version: 1\nprometheus: http://a:9090\nsources: { default: { type: prometheus, url: http://b:9090 } }\ngroups: {}\n',
    'version: 1\nprometheus: http://a:9090\ngroups: {}\n',
  ),
  E0019: error(
    'a field without a value',
    'There is a key and nothing after it. YAML reads that as "nothing", which is not the same as a default.',
    'group',
    'initial:',
    'initial: 2',
  ),
  // Units
  E0021: error(
    'a duration needs a unit',
    'A number alone could be seconds or minutes, and the difference is a factor of sixty.',
    'group',
    'evaluate_every: 30',
    'evaluate_every: 30s',
  ),
  E0022: error(
    'not a duration',
    'Durations are written with ms, s, m, h, d or w: 30s, 5m, 1h30m, 90d.',
    'group',
    'evaluate_every: half a minute',
    'evaluate_every: 30s',
  ),
  E0023: error(
    'not a percentage',
    'Percentages carry their sign: 60%. A number alone could mean 60 % or 6000 %.',
    'group',
    'limits: { collapse_guard: 50 }',
    'limits: { collapse_guard: 50% }',
  ),
  E0024: error(
    'not a step or change',
    'Steps of limits are a count, a share, or the larger of both: 4, 20%, max(1, 20%). Changes of policies are relative, +2, -1, +30%, or absolute, "to 5".',
    'group',
    'limits: { scale_in: { step: some } }',
    'limits: { scale_in: { step: 1 } }',
  ),
  E0025: error(
    'not an amount of money',
    'Money is an amount, a currency and a time: 0.0066 EUR/h, 120 EUR/month.',
    'group',
    'limits: { budget: 120 }',
    'limits: { budget: 120 EUR/month }',
  ),
  E0026: error(
    'a secret in the open',
    'Configurations are read, committed and printed; secrets are not. Write where the secret is kept, and Drover reads it when it needs it.',
    'file',
    'version: 1\nreceivers: { am: { format: alertmanager, auth: { bearer: s3cret } } }\ngroups: {}\n',
    'version: 1\nreceivers: { am: { format: alertmanager, auth: { bearer: { file: /run/secrets/am } } } }\ngroups: {}\n',
  ),
  E0031: error(
    'not a known time zone',
    'Time zones are named as in the IANA database: Europe/Berlin, America/New_York, UTC. Abbreviations such as CET are ambiguous around clock changes.',
    'group',
    'policies: [{ type: schedule, cron: "0 8 * * *", for: 10h, timezone: Europe/Berln, min: 2 }]',
    'policies: [{ type: schedule, cron: "0 8 * * *", for: 10h, timezone: Europe/Berlin, min: 2 }]',
  ),
  E0032: error(
    'not a cron expression',
    'Five fields: minute, hour, day of the month, month, day of the week. Quote it, since `*` means something to YAML.',
    'group',
    'policies: [{ type: schedule, cron: "0 25 * * *", for: 1h, min: 2 }]',
    'policies: [{ type: schedule, cron: "0 5 * * *", for: 1h, min: 2 }]',
  ),
  E0033: error(
    'a cron expression that never fires',
    'The fields are fine one by one, but no day fits them all, so the schedule would never begin.',
    'group',
    'policies: [{ type: schedule, cron: "0 8 30 2 *", for: 1h, min: 2 }]',
    'policies: [{ type: schedule, cron: "0 8 28 2 *", for: 1h, min: 2 }]',
  ),
  E0034: error(
    'not a date, or an end before its beginning',
    'Dates are written 2026-12-24 or 2026-12-24T18:00, in the time zone of the field beside them.',
    'group',
    'freezes: [{ dates: [{ from: 2026-12-24, to: 2026-12-20 }] }]',
    'freezes: [{ dates: [{ from: 2026-12-20, to: 2026-12-24 }] }]',
  ),
  E0035: error(
    'a formula that cannot be computed',
    'Formulas know numbers, metric names, + - * / and a few functions.',
    'group',
    `${RPS}\npolicies: [{ type: formula, formula: "rps +", per_instance: 1 }]`,
    `${RPS}\npolicies: [{ type: formula, formula: "rps + 1", per_instance: 1 }]`,
  ),
} as const satisfies Readonly<Record<string, CodeInfo>>;
