import type { FaultInput } from './faults.ts';

const CALL_MS = 30_000;

export interface Replied {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** The text as a JSON object; an empty one where it is none. */
  readonly body: Record<string, unknown>;
}

/** Short ways to talk to an emulated API as one of its users, and to its control API. */
export class EmulatorClient {
  readonly #api: string;
  readonly #control: string;
  readonly #token: string;

  /** `api`: with what stands before every path, such as the version. */
  constructor(api: string, control: string, token: string) {
    this.#api = api;
    this.#control = control;
    this.#token = token;
  }

  /** One call, whatever its status. */
  call(method: string, path: string, body?: unknown, headers: Readonly<Record<string, string>> = {}): Promise<Replied> {
    return send(`${this.#api}${path}`, method, body, { authorization: `Bearer ${this.#token}`, ...headers });
  }

  /** What one call gives; throws when it is refused. */
  async api<T = Record<string, unknown>>(method: string, path: string, body?: unknown): Promise<T> {
    return taken(await this.call(method, path, body), method, path) as T;
  }

  /** One call of the control API, whatever its status. */
  callControl(method: string, path: string, body?: unknown): Promise<Replied> {
    return send(`${this.#control}${path}`, method, body, {});
  }

  /** What one call of the control API gives; throws when it is refused. */
  async control<T = Record<string, unknown>>(method: string, path: string, body?: unknown): Promise<T> {
    return taken(await this.callControl(method, path, body), method, path) as T;
  }

  async fault(fault: FaultInput): Promise<void> {
    await this.control('POST', '/faults', fault);
  }

  async clearFaults(): Promise<void> {
    await this.control('DELETE', '/faults');
  }
}

function taken(reply: Replied, method: string, path: string): unknown {
  if (reply.status >= 400) throw new Error(`${method} ${path}: ${reply.status} ${reply.text}`);
  return reply.body;
}

async function send(url: string, method: string, body: unknown, headers: Readonly<Record<string, string>>): Promise<Replied> {
  const reply = await fetch(url, {
    method,
    headers: { ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(CALL_MS),
  });
  const text = await reply.text();
  return { status: reply.status, headers: reply.headers, body: parsed(text), text };
}

function parsed(text: string): Record<string, unknown> {
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch {
    return {};
  }
}
