import { Command, CommanderError, Option } from 'commander';
import { VERSION } from '../app/version.ts';
import { COMMANDS, type CommandSpec, GLOBAL_OPTIONS, NOUNS, type OptionSpec } from './command-table.ts';
import type { Io } from './io.ts';

/** What the command line asked for. */
export interface Parsed {
  readonly spec: CommandSpec;
  readonly args: readonly (string | readonly string[] | undefined)[];
  readonly options: Readonly<Record<string, unknown>>;
  readonly globals: Readonly<Record<string, unknown>>;
}

/** Help or version was asked for, and is this. */
export class Answered extends Error {
  readonly text: string;
  constructor(text: string) {
    super('answered');
    this.text = text;
  }
}

/** `<name...>` is given several times, one value each: it must not swallow the arguments that follow. */
function optionOf([flags, summary]: OptionSpec): Option {
  const many = flags.includes('...');
  const option = new Option(flags.replace('...', ''), summary);
  if (many) option.argParser((value: string, before: string[] | undefined) => [...(before ?? []), value]);
  return option;
}

/** The whole command line as commander knows it. `found` gets what is to run. */
export function buildProgram(found: (parsed: Parsed) => void, columns: number | undefined): Command {
  const program = new Command('drover')
    .version(VERSION, '--version', 'version of this program')
    .helpOption('-h, --help', 'help on a command')
    .helpCommand(false)
    .allowExcessArguments(false)
    .exitOverride();
  for (const option of GLOBAL_OPTIONS) program.addOption(optionOf(option));
  const nouns = new Map<string, Command>();
  const parentOf = (word: string): Command => {
    const known = nouns.get(word);
    if (known !== undefined) return known;
    const made = program
      .command(word)
      .summary(NOUNS[word] ?? '')
      .description(NOUNS[word] ?? '')
      .helpCommand(false);
    nouns.set(word, made);
    return made;
  };
  for (const spec of COMMANDS) {
    const [first = '', second] = spec.name.split(' ');
    const parent = second === undefined ? program : parentOf(first);
    const command = parent
      .command(second ?? first)
      .summary(spec.summary)
      .description(describe(spec))
      .allowExcessArguments(false);
    for (const arg of spec.args.split(' ').filter((a) => a !== '')) command.argument(arg);
    for (const option of spec.options ?? []) command.addOption(optionOf(option));
    command.addHelpText('after', `${examplesOf(spec)}\nOptions of every command: drover help --all`);
    command.action((...given: unknown[]) => {
      const options = given[given.length - 2] as Record<string, unknown>;
      found({ spec, args: given.slice(0, -2) as Parsed['args'], options, globals: program.opts() });
    });
  }
  const width = { getOutHelpWidth: () => columns ?? 100, getErrHelpWidth: () => columns ?? 100, getOutHasColors: () => false, getErrHasColors: () => false };
  const quiet = (command: Command): void => {
    command.configureOutput({ writeOut: () => {}, writeErr: () => {}, ...width }).exitOverride();
    for (const each of command.commands) quiet(each);
  };
  quiet(program);
  return program;
}

function describe(spec: CommandSpec): string {
  const start = `${spec.summary.charAt(0).toUpperCase()}${spec.summary.slice(1)}.`;
  return spec.about === undefined ? start : `${start}\n\n${spec.about}`;
}

function examplesOf(spec: CommandSpec): string {
  return spec.examples === undefined ? '' : `\nExamples:\n${spec.examples.map((e) => `  ${e}`).join('\n')}\n`;
}

/** Reads the arguments. Throws CommanderError for wrong usage, Answered for help and version. */
export function parseArguments(argv: readonly string[], io: Pick<Io, 'stdout'>): Parsed {
  let parsed: Parsed | null = null;
  let text = '';
  const program = buildProgram((found) => {
    parsed = found;
  }, io.stdout.columns);
  const capture = (command: Command): void => {
    command.configureOutput({
      writeOut: (t) => {
        text += t;
      },
    });
    for (const each of command.commands) capture(each);
  };
  capture(program);
  try {
    program.parse([...argv], { from: 'user' });
  } catch (e) {
    if (e instanceof CommanderError && e.exitCode === 0) throw new Answered(text);
    throw e;
  }
  if (parsed === null) throw new CommanderError(2, 'drover.nothing', 'no command was given');
  return parsed;
}

/** Help text of one command or noun; null: there is none of that name. */
export function helpOf(words: readonly string[], columns: number | undefined): string | null {
  let command: Command = buildProgram(() => {}, columns);
  for (const word of words) {
    const next = command.commands.find((c) => c.name() === word);
    if (next === undefined) return null;
    command = next;
  }
  return command.helpInformation();
}
