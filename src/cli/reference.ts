import { type CommandSpec, GLOBAL_OPTIONS, type OptionSpec, SECTIONS } from './command-table.ts';
import { EXIT_MEANINGS } from './exit-codes.ts';

const cell = (text: string): string => text.replaceAll('|', '\\|');

function options(list: readonly OptionSpec[]): string[] {
  return ['| Option | Meaning |', '|---|---|', ...list.map(([flags, summary]) => `| \`${cell(flags)}\` | ${cell(summary)} |`), ''];
}

function command(c: CommandSpec): string[] {
  const usage = [`drover ${c.name}`, ...((c.options ?? []).length > 0 ? ['[options]'] : []), ...(c.args === '' ? [] : [c.args])].join(' ');
  const sentence = `${c.summary.charAt(0).toUpperCase()}${c.summary.slice(1)}.`;
  return [
    `### drover ${c.name}`,
    '',
    `\`${usage}\``,
    '',
    c.about === undefined ? sentence : `${sentence} ${c.about}`,
    '',
    ...((c.options ?? []).length > 0 ? options(c.options ?? []) : []),
    ...(c.examples === undefined ? [] : ['Examples:', '', ...c.examples.map((e) => `- \`${e}\``), '']),
  ];
}

/** The page `docs/reference/cli.md`, made of the table the program itself is made of. */
export function renderCliReference(): string {
  const lines = [
    '# Commands',
    '',
    '<!-- Made from src/cli/command-table.ts: edit that, not this. -->',
    '',
    'Answers go to standard output, everything else to standard error. With `--json` there is exactly one document on standard output, with `schema` as its first field;',
    'streams (`demo`, `events --follow`, `status --watch`) print one a line. An error is a document, too: `drover.error/v1`. Without a terminal nothing is ever asked:',
    'a command that needs an answer refuses with exit code 7 and says what to pass.',
    '',
    '## Finding the controller',
    '',
    'In this order: `--server` and `--token-file`; `--context`; `--config` (the state directory of that file); `DROVER_URL` and `DROVER_TOKEN`; the context named in',
    '`~/.config/drover/config.yaml`; the state directory of `./drover.yaml`, where `drover serve` leaves its address and a first admin token. A token found in a state',
    'directory is only ever sent to the controller it belongs to. `DROVER_CA` names a file with the certificate authority to trust.',
    '',
    '```yaml',
    '# ~/.config/drover/config.yaml',
    'context: prod',
    'contexts:',
    '  prod: { server: "https://drover.example.org:8470", token_file: prod-token, ca: ca.pem }',
    '```',
    '',
    '## Options of every command',
    '',
    ...options(GLOBAL_OPTIONS),
    '## Exit codes',
    '',
    '| Code | Meaning |',
    '|---:|---|',
    ...EXIT_MEANINGS.map(([code, meaning]) => `| ${code} | ${cell(meaning)} |`),
    '',
    ...SECTIONS.flatMap((section) => [`## ${section.title}`, '', ...section.commands.flatMap(command)]),
  ];
  return `${lines.join('\n').trimEnd()}\n`;
}
