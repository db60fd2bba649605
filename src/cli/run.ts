import { CommanderError } from 'commander';
import { DriverError, nearest, parseDuration, StoreError } from '../app/cli-parts.ts';
import { CliError, usageError } from './cli-error.ts';
import { COMMANDS } from './command-table.ts';
import { Context, type Globals } from './context.ts';
import { EXIT } from './exit-codes.ts';
import { Input } from './input.ts';
import type { Io } from './io.ts';
import { loadCommand } from './load-command.ts';
import { Answered, parseArguments } from './program.ts';
import { ROOT_HELP } from './root-help.ts';
import { safe } from './text.ts';

const DEFAULT_TIMEOUT_MS = 15_000;

/** Runs one command line (without node and script) and resolves with its exit code. Never throws. */
export async function run(argv: readonly string[], io: Io): Promise<number> {
  const json = wantsJson(argv);
  let ctx: Context | null = null;
  try {
    if (argv.length === 0) throw new Answered(ROOT_HELP);
    const parsed = parseArguments(argv, io);
    ctx = new Context(io, globalsOf(parsed.globals), async (asking) => (await import('./connect.ts')).connect(asking));
    const command = await loadCommand(parsed.spec.name);
    return await command(ctx, new Input(parsed.args, parsed.options));
  } catch (e) {
    if (e instanceof Answered) {
      io.stdout.write(isRootHelp(argv) ? ROOT_HELP : e.text);
      return EXIT.ok;
    }
    return tell(await withSuggestion(asCliError(e, argv), ctx), json, io);
  } finally {
    await ctx?.end();
  }
}

/** Asked before anything is parsed: even wrong usage is answered as JSON then. */
function wantsJson(argv: readonly string[]): boolean {
  const end = argv.indexOf('--');
  return (end < 0 ? argv : argv.slice(0, end)).includes('--json');
}

function isRootHelp(argv: readonly string[]): boolean {
  return argv.every((a) => a.startsWith('-')) && argv.some((a) => a === '--help' || a === '-h');
}

function globalsOf(raw: Readonly<Record<string, unknown>>): Globals {
  const text = (name: string): string | null => {
    const value = raw[name];
    if (value === '') throw usageError(`--${name.replace(/[A-Z]/g, (c) => `-${c.toLowerCase()}`)} is empty`);
    return typeof value === 'string' ? value : null;
  };
  const timeout = text('timeout');
  const parsed = timeout === null ? null : parseDuration(timeout);
  if (parsed?.ok === false) throw usageError(`--timeout: ${parsed.message}`);
  if (parsed?.ok && (parsed.value < 10 || parsed.value > 3_600_000)) throw usageError('--timeout is from 10ms to 1h');
  return {
    json: raw['json'] === true,
    plain: raw['plain'] === true,
    color: raw['color'] !== false,
    server: text('server'),
    tokenFile: text('tokenFile'),
    config: text('config'),
    context: text('context'),
    utc: raw['utc'] === true,
    yes: raw['yes'] === true,
    input: raw['input'] !== false,
    confirm: Array.isArray(raw['confirm']) ? raw['confirm'].map(String) : [],
    timeoutMs: parsed?.ok ? parsed.value : DEFAULT_TIMEOUT_MS,
  };
}

// ── errors ──

function asCliError(e: unknown, argv: readonly string[]): CliError {
  if (e instanceof CliError) return e;
  if (e instanceof CommanderError) return ofCommander(e);
  if (e instanceof DriverError) return ofDriver(e);
  if (e instanceof StoreError) return new CliError(e.code === 'locked' ? EXIT.refused : EXIT.failed, `store-${e.code}`, e.message);
  const system = e as NodeJS.ErrnoException;
  if (e instanceof Error && typeof system.code === 'string' && system.syscall !== undefined) return new CliError(EXIT.failed, 'io', `${e.message}`);
  // A plain Error says its cause in words; a programming mistake is one of the built-in kinds.
  if (e instanceof Error && e.constructor === Error) return new CliError(EXIT.failed, 'failed', e.message);
  const command = argv.find((a) => !a.startsWith('-')) ?? '';
  const what = e instanceof Error ? `${e.name}: ${e.message.split('\n')[0]}` : String(e);
  const bug = new CliError(EXIT.failed, 'bug', `this should not happen: ${what}`, [
    `please report it, with \`drover version\` and what you ran (drover ${command} …); DROVER_DEBUG=1 prints where it happened`,
  ]);
  bug.cause = e;
  return bug;
}

function ofDriver(e: DriverError): CliError {
  const exits: Partial<Record<DriverError['code'], number>> = {
    'not-found': EXIT.notFound,
    unauthorized: EXIT.notAllowed,
    unreachable: EXIT.unreachable,
    throttled: EXIT.unreachable,
    conflict: EXIT.refused,
    quota: EXIT.refused,
    'bad-request': EXIT.invalid,
  };
  return new CliError(exits[e.code] ?? EXIT.failed, e.code, e.message);
}

/** Commander's words, in our form, with the near name in ours. */
function ofCommander(e: CommanderError): CliError {
  // What is one argument too many, or stands behind an option that is none, may be a secret typed in the wrong place.
  const said = e.message.replace(/(but got \d+): [\s\S]*$/, '$1.').replace(/^(error: unknown option '--[^=']*)=[\s\S]*'/, "$1'");
  const text = said.replace(/^error: /, '').split('\n')[0] ?? '';
  const unknown = /^unknown command '(.*)'/s.exec(text)?.[1];
  if (unknown !== undefined) {
    const parents = [...new Set(COMMANDS.map((c) => c.name.split(' ')[0] ?? ''))];
    const near = nearest(unknown, [...COMMANDS.map((c) => c.name.split(' ').pop() ?? ''), ...parents]);
    const full = near === null ? null : (COMMANDS.find((c) => c.name === near || c.name.endsWith(` ${near}`))?.name ?? near);
    return usageError(
      `unknown command \`${unknown}\``,
      full === null ? 'all commands:  drover help --all' : `did you mean \`${parents.includes(near ?? '') ? near : full}\`?`,
    );
  }
  if (e.code === 'commander.help') return usageError('a command is missing here', 'all commands:  drover help --all');
  const near = /\(Did you mean (.*)\?\)/.exec(e.message)?.[1];
  return usageError(text.replaceAll("'", '`'), ...(near === undefined ? [] : [`did you mean \`${near}\`?`]));
}

/** A group that is not there is most often misspelt. */
async function withSuggestion(e: CliError, ctx: Context | null): Promise<CliError> {
  const name = e.code === 'no-such-group' ? /no group (\S+?)\.?$/.exec(e.message)?.[1] : undefined;
  if (ctx === null || name === undefined) return e;
  try {
    const { groups } = await (await ctx.client()).groups();
    const near = nearest(
      name,
      groups.map((g) => g.group),
    );
    const help = near === null ? `groups: ${groups.map((g) => g.group).join(', ') || 'none yet'}` : `did you mean \`${near}\`?`;
    return new CliError(e.exit, e.code, e.message, [...e.help, help], e.more);
  } catch {
    return e;
  }
}

/** People read stderr; with --json the one document on stdout says the same. */
function tell(e: CliError, json: boolean, io: Io): number {
  if (json) {
    const document = { schema: 'drover.error/v1', error: { code: e.code, exit: e.exit, message: e.message, help: e.help }, ...e.more };
    io.stdout.write(`${JSON.stringify(document, null, 2)}\n`);
  }
  const lines = [`drover: ${safe(e.message)}`, ...e.help.map((h) => `  ${safe(h)}`)];
  io.stderr.write(`${lines.join('\n')}\n`);
  if (io.env['DROVER_DEBUG'] && e.cause instanceof Error) io.stderr.write(`${e.cause.stack}\n`);
  return e.exit;
}
