import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { LinodeOptions, LinodeToken, RunningLinode } from '../../app/emulators.ts';
import { addressOf } from '../address.ts';
import { CliError, usageError } from '../cli-error.ts';
import type { Context, Run } from '../context.ts';
import { EXIT } from '../exit-codes.ts';
import { countOf, type Input } from '../input.ts';
import { untilStopped } from './emulate.ts';

const NETWORKS = ['auto', 'own', 'here', 'loopback'] as const;
type NetworkChoice = (typeof NETWORKS)[number];

export const emulateLinode: Run = async (ctx, input) => {
  const options = readOptions(input);
  const network = await chooseNetwork(input);
  if (network === 'own') return insideOwnNamespace(ctx, input);
  const { startLinode } = await import('../../app/emulators.ts');
  const running = await startLinode({ ...options, network, onError: (e) => ctx.note(`emulator: ${e instanceof Error ? e.message : 'failed'}`) });
  if (input.args.length === 0) {
    // Whoever reads that it is there may end it at once.
    const stopped = untilStopped(ctx, () => running.close());
    tell(ctx, input, running);
    return stopped;
  }
  tell(ctx, input, running);
  try {
    return await runCommand(ctx, input.args, running);
  } finally {
    await running.close();
  }
};

/** Throws usage errors before anything is started. */
function readOptions(input: Input): LinodeOptions {
  const durations = input.durationMs('boot') === null ? {} : { durations: { bootMs: input.durationMs('boot') ?? 0 } };
  return {
    listen: addressOf(input.text('listen') ?? '127.0.0.1:8490', '--listen'),
    control: addressOf(input.text('control') ?? '127.0.0.1:8491', '--control'),
    timeFactor: countOf(input.text('timeFactor') ?? '1', '--time-factor', 1, 1000),
    tokens: input.many('token').map(tokenOf),
    rateLimits: oneOf(input, 'rateLimits', ['on', 'off']) === 'on',
    statusWords: oneOf(input, 'statusWords', ['recorded', 'documented']),
    scripts: oneOf(input, 'scripts', ['keep', 'run']),
    app: { port: input.count('appPort', 1, 65_535) ?? 80, workMs: input.durationMs('work') ?? 5 },
    ...durations,
  };
}

/** The first of `choices` is the default. */
function oneOf<const T extends string>(input: Input, name: string, choices: readonly [T, ...T[]]): T {
  const text = input.text(name) ?? choices[0];
  const found = choices.find((choice) => choice === text);
  if (found === undefined) throw usageError(`--${name.replace(/[A-Z]/g, (c) => `-${c.toLowerCase()}`)} is ${choices.join(' or ')}, not \`${text}\``);
  return found;
}

function tokenOf(text: string): LinodeToken {
  const at = text.indexOf('=');
  const token = at < 0 ? text : text.slice(0, at);
  if (!/^[\w.~+/-]{1,256}$/.test(token)) throw usageError('--token is TOKEN or TOKEN=SCOPES, e.g. abc=linodes:read_only,events:read_only');
  return at < 0 ? { token } : { token, scopes: text.slice(at + 1) };
}

/**
 * Without a command the emulator must be reachable from other terminals: a namespace of its own would hide it. With one, real addresses are
 * better, where they can be had.
 */
async function chooseNetwork(input: Input): Promise<Exclude<NetworkChoice, 'auto'>> {
  const choice = oneOf(input, 'network', NETWORKS);
  if (choice !== 'auto') return choice;
  const { canMakeNamespace, whyNotHere } = await import('../../app/emulators.ts');
  if ((await whyNotHere()) === null) return 'here';
  return input.args.length > 0 && (await canMakeNamespace()) === null ? 'own' : 'loopback';
}

/** The same command line once more, in a new network namespace. */
async function insideOwnNamespace(ctx: Context, input: Input): Promise<number> {
  const { enterNamespace } = await import('../../app/emulators.ts');
  const values: [string, string | null][] = ['listen', 'control', 'timeFactor', 'rateLimits', 'statusWords', 'scripts', 'boot', 'appPort', 'work'].map(
    (name) => [`--${name.replace(/[A-Z]/g, (c) => `-${c.toLowerCase()}`)}`, input.text(name)],
  );
  const main = fileURLToPath(new URL('../main.ts', import.meta.url));
  const argv = [
    ...[process.execPath, main, 'emulate', 'linode', '--network', 'here'],
    ...values.flatMap(([flag, value]) => (value === null ? [] : [flag, value])),
    ...input.many('token').flatMap((token) => ['--token', token]),
    ...(ctx.globals.json ? ['--json'] : []),
    ...(input.args.length === 0 ? [] : ['--', ...input.args]),
  ];
  const child = await enterNamespace(argv, { ...ctx.io.env }).catch((e: unknown) => {
    throw new CliError(EXIT.failed, 'no-namespace', e instanceof Error ? e.message : 'no network namespace', ['use --network loopback']);
  });
  return codeOf(ctx, child);
}

function environmentFor(running: RunningLinode): Record<string, string> {
  const { url, controlUrl, token } = running;
  return {
    LINODE_URL: url,
    LINODE_TOKEN: token,
    LINODE_CONTROL_URL: controlUrl,
    LINODE_CLI_TOKEN: token,
    LINODE_CLI_API_HOST: new URL(url).host,
    LINODE_CLI_API_SCHEME: 'http',
    LINODE_CLI_API_VERSION: 'v4',
  };
}

/** Runs beside the emulator and ends it. */
async function runCommand(ctx: Context, [program = '', ...argv]: readonly string[], running: RunningLinode): Promise<number> {
  const child = spawn(program, argv, { cwd: ctx.io.cwd, env: { ...ctx.io.env, ...environmentFor(running) }, stdio: 'inherit' });
  return codeOf(ctx, child);
}

/** The exit code of a program that has our terminal. Ctrl-C reaches it from there; the program decides what it means. */
async function codeOf(ctx: Context, child: ChildProcess): Promise<number> {
  const ends = [ctx.io.onSignal('SIGINT', () => {}), ctx.io.onSignal('SIGTERM', () => void child.kill('SIGTERM'))];
  try {
    return await new Promise((resolve, reject) => {
      child.once('error', (e: NodeJS.ErrnoException) =>
        reject(e.code === 'ENOENT' ? new CliError(EXIT.failed, 'no-program', `${child.spawnfile}: no such program`) : e),
      );
      child.once('close', (code, signal) => resolve(code ?? (signal === 'SIGINT' ? EXIT.interrupted : signal === 'SIGTERM' ? EXIT.ok : EXIT.failed)));
    });
  } finally {
    for (const end of ends) end();
  }
}

function tell(ctx: Context, input: Input, running: RunningLinode): void {
  const { url, controlUrl, token, network } = running;
  if (ctx.globals.json) {
    ctx.jsonLine({ schema: 'drover.emulate/v1', kind: 'linode', url, control: controlUrl, network, token, pid: process.pid });
    return;
  }
  // What a command prints is its own.
  const say = input.args.length === 0 ? (text: string) => ctx.line(text) : (text: string) => ctx.note(text);
  say(`Linode's API, emulated, at ${url}; faults, loads and the ledger at ${controlUrl}`);
  const namespace = `network: addresses as at Linode, in the network namespace of process ${process.pid} (from outside: nsenter --net=/proc/${process.pid}/ns/net)`;
  say(network === 'loopback' ? 'network: loopback; machines have addresses in 127.0.0.0/8, and none of IPv6' : namespace);
  if (input.args.length > 0) return;
  say('');
  say(`  export LINODE_URL=${url} LINODE_TOKEN=${token}`);
  say(`  curl -H "Authorization: Bearer $LINODE_TOKEN" $LINODE_URL/v4/linode/instances`);
}
