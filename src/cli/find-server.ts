/** Where the controller is and what opens it: flags, then the environment, then a context, then the state directory on this machine. */
import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import { issueText } from '../app/cli-parts.ts';
import { CliError, usageError } from './cli-error.ts';
import type { Context } from './context.ts';
import { EXIT } from './exit-codes.ts';

export interface ServerPlace {
  readonly url: string;
  readonly token: string | null;
  /** PEM of the authority to trust. */
  readonly ca: string | null;
  /** How it was found, for messages. */
  readonly from: string;
  /** The controller runs on this machine, and this is its state directory. */
  readonly stateDir: string | null;
}

const MAX_BYTES = 262_144;
const DEFAULT_STATE = 'drover-state';

export async function findServer(ctx: Context): Promise<ServerPlace> {
  const { globals, io } = ctx;
  const given = globals.tokenFile === null ? null : await readToken(ctx.path(globals.tokenFile));
  const withToken = (place: ServerPlace): ServerPlace => ({ ...place, token: given ?? place.token });
  const env = { url: io.env['DROVER_URL'] || null, token: io.env['DROVER_TOKEN'] || null };
  const state = (): Promise<ServerPlace | null> => findState(ctx);
  if (globals.server !== null) {
    const url = checkedUrl(globals.server, '--server');
    return withToken(await named(ctx, url, '--server', given === null ? env.token : null, state));
  }
  if (globals.context !== null) return withToken(await contextPlace(ctx, globals.context, true));
  // Whoever names a file means the controller of that file, whatever the environment says.
  if (globals.config !== null) return withToken((await state()) ?? notFound(ctx, [await stateDirOf(ctx)]));
  if (env.url !== null) return withToken(await named(ctx, checkedUrl(env.url, 'DROVER_URL'), 'DROVER_URL', env.token, state));
  const context = await contextPlace(ctx, null, false);
  if (context !== null) return withToken({ ...context, token: env.token ?? context.token });
  const here = await state();
  if (here !== null) return withToken({ ...here, token: env.token ?? here.token });
  return notFound(ctx, [await stateDirOf(ctx)]);
}

/** A token found on this machine goes only to the controller it belongs to. */
async function named(ctx: Context, url: string, from: string, token: string | null, state: () => Promise<ServerPlace | null>): Promise<ServerPlace> {
  const ca = await readCa(ctx, ctx.io.env['DROVER_CA'] || null);
  const here = await state().catch(() => null);
  const same = here !== null && new URL(here.url).origin === new URL(url).origin;
  return { url, token: token ?? (same ? here.token : null), ca: ca ?? (same ? here.ca : null), from, stateDir: same ? here.stateDir : null };
}

function checkedUrl(text: string, what: string): string {
  const url = URL.parse(text);
  if (url === null || (url.protocol !== 'http:' && url.protocol !== 'https:')) throw usageError(`${what} is an address like http://127.0.0.1:8470`);
  if (url.username !== '' || url.password !== '') throw usageError(`${what} must not hold a credential; use --token-file or DROVER_TOKEN`);
  return text.replace(/\/+$/, '');
}

function notFound(ctx: Context, looked: readonly string[]): never {
  throw new CliError(
    EXIT.unreachable,
    'no-controller',
    `no controller found; ${looked.map((d) => ctx.shown(join(d, 'server.json'))).join(', ')} is not there`,
    ['start one here:      drover serve', 'or name one:         --server URL (with --token-file), DROVER_URL and DROVER_TOKEN, or --context NAME'],
  );
}

// ── contexts ──

/** The file with contexts. */
export function contextsFile(env: Readonly<Record<string, string | undefined>>): string {
  return join(env['XDG_CONFIG_HOME'] || join(env['HOME'] || homedir(), '.config'), 'drover', 'config.yaml');
}

async function contextPlace(ctx: Context, name: string, must: true): Promise<ServerPlace>;
async function contextPlace(ctx: Context, name: string | null, must: false): Promise<ServerPlace | null>;
async function contextPlace(ctx: Context, name: string | null, must: boolean): Promise<ServerPlace | null> {
  const file = contextsFile(ctx.io.env);
  const text = await readSmall(file);
  if (text === null) {
    if (!must) return null;
    throw new CliError(EXIT.usage, 'no-such-context', `there is no context ${name}: ${file} is not there`, [
      'write it:  { context: NAME, contexts: { NAME: { server: URL, token_file: PATH } } }',
    ]);
  }
  const { contextsSchema } = await import('./contexts.ts');
  const { parse } = await import('yaml');
  const read = contextsSchema.safeParse(parseOr(() => parse(text), file));
  if (!read.success) {
    const issue = read.error.issues[0];
    throw new CliError(EXIT.usage, 'bad-contexts', `${file}: ${issue?.path.join('.') ?? ''}: ${issue === undefined ? 'not understood' : issueText(issue)}`);
  }
  const wanted = name ?? read.data.context ?? null;
  if (wanted === null) return null;
  const found = Object.hasOwn(read.data.contexts, wanted) ? read.data.contexts[wanted] : undefined;
  if (found === undefined) {
    throw new CliError(EXIT.usage, 'no-such-context', `there is no context ${wanted} in ${file}`, [
      `there are: ${Object.keys(read.data.contexts).join(', ') || 'none'}`,
    ]);
  }
  const beside = (path: string): string => resolve(dirname(file), path.replace(/^~(?=\/)/, ctx.io.env['HOME'] || homedir()));
  return {
    url: checkedUrl(found.server, `the server of context ${wanted}`),
    token: found.token ?? (found.token_file === undefined ? null : await readToken(beside(found.token_file))),
    ca: found.ca === undefined ? null : await readCa(ctx, beside(found.ca)),
    from: `context ${wanted}`,
    stateDir: null,
  };
}

function parseOr(parse: () => unknown, file: string): unknown {
  try {
    return parse();
  } catch (e) {
    throw new CliError(EXIT.usage, 'bad-contexts', `${file} is not YAML: ${e instanceof Error ? (e.message.split('\n')[0] ?? '') : ''}`);
  }
}

// ── the state directory ──

/** `server.state` of a configuration file (the one of this call, if none is given), else the default beside it. */
export async function stateDirOf(ctx: Context, file: string | null = null): Promise<string> {
  return (await serverSettings(ctx, file)).stateDir;
}

async function serverSettings(ctx: Context, file: string | null = null): Promise<{ stateDir: string; cert: string | null }> {
  const { path } = ctx.configFile(file);
  const base = dirname(path);
  const text = await readSmall(path);
  // Reading YAML takes longer than everything else here; most files leave both at their defaults.
  if (text === null || !/\b(state|cert)\b/.test(text)) return { stateDir: join(base, DEFAULT_STATE), cert: null };
  const { parse } = await import('yaml');
  let server: unknown = null;
  try {
    server = (parse(text) as { server?: unknown } | null)?.server;
  } catch {
    // The file is broken; the controller may still run with the last good one.
  }
  const of = (value: unknown, key: string): unknown => (typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[key] : undefined);
  const state = of(server, 'state');
  const cert = of(of(server, 'tls'), 'cert');
  return { stateDir: resolve(base, typeof state === 'string' ? state : DEFAULT_STATE), cert: typeof cert === 'string' ? resolve(base, cert) : null };
}

async function findState(ctx: Context): Promise<ServerPlace | null> {
  const { stateDir, cert } = await serverSettings(ctx);
  const text = await readSmall(join(stateDir, 'server.json'));
  if (text === null) return null;
  const url = urlIn(text);
  if (url === null)
    throw new CliError(EXIT.failed, 'bad-state', `${ctx.shown(join(stateDir, 'server.json'))} is damaged; the next start of the controller writes it anew`);
  const token = (await readSmall(join(stateDir, 'admin-token')))?.trim() || null;
  return { url, token, ca: url.startsWith('https:') && cert !== null ? await readSmall(cert) : null, from: ctx.shown(stateDir), stateDir };
}

function urlIn(text: string): string | null {
  try {
    const { url } = JSON.parse(text) as { url?: unknown };
    const parsed = typeof url === 'string' ? URL.parse(url) : null;
    if (parsed === null || !/^https?:$/.test(parsed.protocol)) return null;
    // A wildcard is where it listens, not where it is reached.
    return String(url)
      .replace(/\/\/0\.0\.0\.0(?=[:/]|$)/, '//127.0.0.1')
      .replace(/\/\/\[::\](?=[:/]|$)/, '//[::1]')
      .replace(/\/+$/, '');
  } catch {
    return null;
  }
}

// ── files ──

/** Null: not there. */
async function readSmall(path: string): Promise<string | null> {
  try {
    const text = await readFile(path, 'utf8');
    return text.length > MAX_BYTES ? null : text;
  } catch (e) {
    const code = (e as NodeJS.ErrnoException).code;
    if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'EISDIR') return null;
    if (code === 'EACCES' || code === 'EPERM') {
      throw new CliError(EXIT.notAllowed, 'file-unreadable', `${path} may not be read by this user`, [
        'run as the user of the controller, or use --server and --token-file',
      ]);
    }
    throw e;
  }
}

async function readToken(path: string): Promise<string> {
  const found = await readSmall(path);
  if (found === null) throw usageError(`the token file ${path} does not exist`);
  const text = found.trim();
  if (text === '' || /\s/.test(text)) throw usageError(`${path} does not hold a token`);
  return text;
}

async function readCa(ctx: Context, path: string | null): Promise<string | null> {
  if (path === null) return null;
  const text = await readSmall(isAbsolute(path) ? path : ctx.path(path));
  if (text === null) throw usageError(`the certificate ${path} is not there`);
  return text;
}
