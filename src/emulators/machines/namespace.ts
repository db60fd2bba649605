/** Network namespaces of Linux: whether this process may make one, a command inside a new one, and the safety check before one is changed. */
import { type ChildProcess, execFile, type StdioOptions, spawn } from 'node:child_process';
import { readFile, readlink } from 'node:fs/promises';

const COMMAND_TIMEOUT_MS = 10_000;
/** Interfaces that the kernel puts into every new namespace when their modules are loaded. */
const KERNEL_INTERFACES = /^(lo|tunl0|gre0|gretap0|erspan0|ip_vti0|ip6_vti0|sit0|ip6tnl0|ip6gre0)$/;

export interface Ran {
  readonly code: number | null;
  /** First line of what it said in error. */
  readonly said: string;
}

/** `code` is null when the program is not there or took longer than 10 s. */
export function runTool(program: string, argv: readonly string[], input = ''): Promise<Ran> {
  return new Promise((resolve) => {
    const child = execFile(program, [...argv], { timeout: COMMAND_TIMEOUT_MS, env: toolEnv(process.env) }, (error, _, stderr) => {
      const code = error === null ? 0 : typeof error.code === 'number' ? error.code : null;
      resolve({ code, said: stderr.trim().split('\n')[0] || (error?.message ?? '') });
    });
    child.stdin?.on('error', () => {});
    child.stdin?.end(input);
  });
}

/** `ip` is often only on the path of root. */
export function toolEnv(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return { ...env, PATH: `${env['PATH'] ?? '/usr/bin:/bin'}:/usr/sbin:/sbin` };
}

/** Null: yes; else why not, in a sentence. */
export async function canMakeNamespace(): Promise<string | null> {
  const way = await findWay();
  return typeof way === 'string' ? way : null;
}

/**
 * Runs a command in a new network namespace, with its loopback up, on our terminal unless `stdio` says otherwise. It is told to end (SIGTERM) when this process dies, however
 * it dies. Throws Error when no namespace can be made.
 */
export async function enterNamespace(argv: readonly string[], env: NodeJS.ProcessEnv, stdio: StdioOptions = 'inherit'): Promise<ChildProcess> {
  const way = await findWay();
  if (typeof way === 'string') throw new Error(way);
  const watched = (await runTool('setpriv', ['--pdeathsig', 'TERM', 'true'])).code === 0 ? ['setpriv', '--pdeathsig', 'TERM'] : [];
  const [program = '', ...rest] = [...way, ...watched, 'sh', '-c', 'ip link set dev lo up && exec "$@"', 'sh', ...argv];
  return spawn(program, rest, { env: toolEnv(env), stdio });
}

/** The command that runs another in a new namespace, or why there is none. */
async function findWay(): Promise<readonly string[] | string> {
  if (process.platform !== 'linux') return 'network namespaces need Linux';
  if ((await runTool('ip', ['-V'])).code !== 0) return 'the program ip is not there (package iproute2)';
  const plain = ['unshare', '--net'];
  const asUser = ['unshare', '--user', '--map-root-user', '--net'];
  let said = '';
  for (const [program = '', ...argv] of process.getuid?.() === 0 ? [plain, asUser] : [asUser]) {
    const ran = await runTool(program, [...argv, 'true']);
    if (ran.code === 0) return [program, ...argv];
    if (ran.code === null) return 'the program unshare is not there (package util-linux)';
    said = ran.said;
  }
  return `this account may not make a network namespace: ${said}`;
}

/** Whether the routes of a world may be laid into the namespace this process is in. Null: yes; else why not, in a sentence. */
export async function whyNotHere(): Promise<string | null> {
  if (process.platform !== 'linux') return 'network namespaces need Linux';
  const own = await readlink('/proc/self/ns/net').catch(() => null);
  if (own === null) return 'the network namespace of this process cannot be read (/proc/self/ns/net)';
  const first = await readlink('/proc/1/ns/net').catch(() => null);
  if (first !== null) return first === own ? "this is the machine's own network; addresses are taken in a network namespace only" : null;
  // Not ours to see. A namespace without any interface to the outside is not the machine's.
  const others = await listInterfaces();
  if (others.length === 0) return null;
  return `whether this is the machine's own network cannot be told (/proc/1/ns/net cannot be read), and it has ${others.join(', ')}`;
}

/** Without those that every namespace has. */
async function listInterfaces(): Promise<string[]> {
  const lines = (await readFile('/proc/self/net/dev', 'utf8')).split('\n').slice(2);
  return lines.map((line) => line.split(':')[0]?.trim() ?? '').filter((name) => name !== '' && !KERNEL_INTERFACES.test(name));
}
