/** An emulated Linode account inside the test's own process, and ports for drivers that speak to it. */
import { EmulatorClient } from '../../src/emulators/api/client.ts';
import type { LedgerView } from '../../src/emulators/api/ledger.ts';
import { type LinodeOptions, type RunningLinode, startLinode } from '../../src/emulators/linode/linode.ts';
import { DriverError, type DriverPorts, Secret } from '../../src/ports/ports.ts';
import { realPorts } from './ports.ts';

export const GOOD_PASSWORD = 'correct-Horse-9';

export class LinodeAccount extends EmulatorClient {
  readonly url: string;
  readonly controlUrl: string;
  readonly token: string;
  readonly world: RunningLinode['world'];
  readonly #running: RunningLinode;

  constructor(running: RunningLinode) {
    super(`${running.url}/v4`, running.controlUrl, running.token);
    this.url = running.url;
    this.controlUrl = running.controlUrl;
    this.token = running.token;
    this.world = running.world;
    this.#running = running;
  }

  ledger(): LedgerView {
    return this.#running.ledger();
  }

  close(): Promise<void> {
    return this.#running.close();
  }

  /** A small Linode with a private address. */
  create(over: Readonly<Record<string, unknown>> = {}): Promise<Record<string, unknown> & { id: number; ipv4: string[] }> {
    const small = { region: 'us-east', type: 'g6-nanode-1', image: 'linode/debian12', root_pass: GOOD_PASSWORD, private_ip: true };
    return this.api('POST', '/linode/instances', { ...small, ...over });
  }
}

/** Without processes for its machines, unless the test asks for them. */
export async function openAccount(options: LinodeOptions = {}): Promise<LinodeAccount> {
  return new LinodeAccount(await startLinode({ guests: 'none', timeFactor: 1000, ...options }));
}

/** As the environment variables that the tests of drivers name. */
export const TOKENS = {
  FULL: { token: 'full-6f1c', scopes: '*' },
  READ: { token: 'read-2b7e', scopes: 'linodes:read_only ips:read_only events:read_only nodebalancers:read_only' },
  NARROW: { token: 'narrow-9d40', scopes: 'linodes:read_only' },
} as const;

/** With the tokens of `TOKENS`, and asked without limits. */
export function openSharedAccount(options: LinodeOptions = {}): Promise<LinodeAccount> {
  return openAccount({ timeFactor: 100, rateLimits: false, tokens: Object.values(TOKENS), ...options });
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
