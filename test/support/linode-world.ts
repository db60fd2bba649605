/** An emulated Linode account inside the test's own process, and ports for drivers that speak to it. */
import type { FaultInput } from '../../src/emulators/api/faults.ts';
import { type LinodeOptions, type RunningLinode, startLinode } from '../../src/emulators/linode/linode.ts';
import { DriverError, type DriverPorts, Secret } from '../../src/ports/ports.ts';
import { realPorts } from './ports.ts';

/** As the environment variables that the tests name. */
export const TOKENS = {
  FULL: { token: 'full-6f1c', scopes: '*' },
  READ: { token: 'read-2b7e', scopes: 'linodes:read_only ips:read_only events:read_only nodebalancers:read_only' },
  NARROW: { token: 'narrow-9d40', scopes: 'linodes:read_only' },
} as const;

export interface LinodeWorld extends RunningLinode {
  /** One call with the token that may do everything; throws when it is refused. */
  api<T = unknown>(method: string, path: string, body?: unknown): Promise<T>;
  fault(fault: FaultInput): Promise<void>;
  clearFaults(): Promise<void>;
}

/** Without machines that listen, unless the test asks for them. */
export async function openLinodeWorld(options: LinodeOptions = {}): Promise<LinodeWorld> {
  const running = await startLinode({ guests: 'none', timeFactor: 100, rateLimits: false, tokens: Object.values(TOKENS), ...options });
  const control = async (method: string, path: string, body?: unknown): Promise<void> => {
    const reply = await fetch(`${running.controlUrl}${path}`, { method, ...(body === undefined ? {} : { body: JSON.stringify(body) }) });
    if (!reply.ok) throw new Error(`${method} ${path}: ${reply.status} ${await reply.text()}`);
  };
  return {
    ...running,
    async api<T>(method: string, path: string, body?: unknown): Promise<T> {
      const headers = { authorization: `Bearer ${TOKENS.FULL.token}`, 'content-type': 'application/json' };
      const reply = await fetch(`${running.url}/v4${path}`, { method, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) });
      const json = await reply.json();
      if (!reply.ok) throw new Error(`${method} ${path}: ${reply.status} ${JSON.stringify(json)}`);
      return json as T;
    },
    fault: (fault) => control('POST', '/faults', fault),
    clearFaults: () => control('DELETE', '/faults'),
  };
}

/** Secrets named by the environment variables of `TOKENS` can be read; any other variable holds a token that nobody knows. */
export function linodePorts(over: Partial<DriverPorts> = {}): DriverPorts {
  const ports = realPorts(over);
  const resolve: DriverPorts['secrets']['resolve'] = async (ref) => {
    if (!('env' in ref)) throw new DriverError('not-found', 'secret: only variables here');
    return new Secret(Object.hasOwn(TOKENS, ref.env) ? TOKENS[ref.env as keyof typeof TOKENS].token : 'nobody-knows-this');
  };
  return { ...ports, secrets: { ...ports.secrets, resolve } };
}
