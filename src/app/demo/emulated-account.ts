import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { LinodeOptions } from '../../emulators/linode/linode.ts';

const START_MS = 20_000;
const CALL_MS = 10_000;
const END_MS = 10_000;

/** An emulated Linode account in a process of its own. */
export interface EmulatedAccount {
  readonly url: string;
  readonly controlUrl: string;
  readonly token: string;
  /** One call of the API, `/nodebalancers`; throws when it is refused. */
  call(method: string, path: string, body?: object): Promise<Record<string, unknown>>;
  /** One call of the control API; throws when it is refused. */
  control(method: string, path: string, body?: object): Promise<Record<string, unknown>>;
  /** Ends it and its machines. */
  close(): Promise<void>;
}

/** It ends with this process, however that one ends. */
export async function openEmulatedAccount(options: LinodeOptions): Promise<EmulatedAccount> {
  const main = new URL('../../emulators/linode/main.ts', import.meta.url);
  // A process group of its own: Ctrl-C is for us, and we end it. Its standard input ends with us in any case.
  const child = spawn(process.execPath, [main.pathname, JSON.stringify(options)], { stdio: ['pipe', 'pipe', 'inherit'], detached: true });
  const late = setTimeout(() => child.kill('SIGKILL'), START_MS);
  try {
    for await (const line of createInterface({ input: child.stdout })) {
      child.stdout.resume();
      const { url, control, token } = JSON.parse(line) as Record<'url' | 'control' | 'token', string>;
      return {
        url,
        controlUrl: control,
        token,
        call: (method, path, body) => call(`${url}/v4${path}`, method, { authorization: `Bearer ${token}` }, body),
        control: (method, path, body) => call(`${control}${path}`, method, {}, body),
        close: () => ended(child),
      };
    }
  } finally {
    clearTimeout(late);
  }
  throw new Error('the emulated Linode did not start');
}

async function call(url: string, method: string, headers: Readonly<Record<string, string>>, body?: object): Promise<Record<string, unknown>> {
  const reply = await fetch(url, {
    method,
    headers: { ...headers, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(CALL_MS),
  });
  if (!reply.ok) throw new Error(`${method} ${new URL(url).pathname} at the emulated Linode: ${reply.status} ${await reply.text()}`);
  return (await reply.json()) as Record<string, unknown>;
}

/** It ends its machines first. */
async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = new Promise((done) => child.once('exit', done));
  child.kill('SIGTERM');
  const late = setTimeout(() => child.kill('SIGKILL'), END_MS);
  await exit;
  clearTimeout(late);
}
