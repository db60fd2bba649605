/** An emulated account without processes for its machines, and short ways to talk to it. */
import { type LinodeOptions, type RunningLinode, startLinode } from '../../src/emulators/linode/linode.ts';

export interface Replied {
  readonly status: number;
  readonly headers: Headers;
  /** Parsed JSON; a text where it is none. */
  readonly body: Record<string, unknown>;
  readonly text: string;
}

export interface LinodeAccount extends RunningLinode {
  call(method: string, path: string, body?: unknown, headers?: Readonly<Record<string, string>>): Promise<Replied>;
  control(method: string, path: string, body?: unknown): Promise<Replied>;
  /** Creates a small Linode with a private address. */
  create(over?: Readonly<Record<string, unknown>>): Promise<Record<string, unknown> & { id: number; ipv4: string[] }>;
  fault(fault: Readonly<Record<string, unknown>>): Promise<void>;
}

export const GOOD_PASSWORD = 'correct-Horse-9';

export async function openAccount(options: LinodeOptions = {}): Promise<LinodeAccount> {
  const running = await startLinode({ guests: 'none', timeFactor: 1000, ...options });
  const send = async (url: string, method: string, body: unknown, headers: Readonly<Record<string, string>>): Promise<Replied> => {
    const response = await fetch(url, { method, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) });
    const text = await response.text();
    return { status: response.status, headers: response.headers, body: parse(text), text };
  };
  const call: LinodeAccount['call'] = (method, path, body, headers = {}) =>
    send(`${running.url}/v4${path}`, method, body, { authorization: `Bearer ${running.token}`, 'content-type': 'application/json', ...headers });
  const control: LinodeAccount['control'] = (method, path, body) => send(`${running.controlUrl}${path}`, method, body, {});
  return {
    ...running,
    call,
    control,
    create: async (over = {}) => {
      const made = await call('POST', '/linode/instances', {
        region: 'us-east',
        type: 'g6-nanode-1',
        image: 'linode/debian12',
        root_pass: GOOD_PASSWORD,
        private_ip: true,
        ...over,
      });
      if (made.status !== 200) throw new Error(`not created: ${made.text}`);
      return made.body as Record<string, unknown> & { id: number; ipv4: string[] };
    },
    fault: async (fault) => {
      const added = await control('POST', '/faults', fault);
      if (added.status !== 200) throw new Error(`no such fault: ${added.text}`);
    },
  };
}

function parse(text: string): Record<string, unknown> {
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch {
    return {};
  }
}
