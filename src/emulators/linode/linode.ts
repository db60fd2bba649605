/** The emulated account with its API, its machines and its control API. */
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startControl } from '../api/control.ts';
import { type Listen, serve } from '../api/http-server.ts';
import type { LedgerView } from '../api/ledger.ts';
import { openLoopback } from '../machines/loopback.ts';
import type { MachineWorld, Network, WorldOptions } from '../machines/machines.ts';
import { openNamespace } from '../machines/namespace-network.ts';
import { createWorld } from '../machines/world.ts';
import { Account } from './account.ts';
import { LinodeApi } from './serve-api.ts';
import { parseScopes } from './tokens.ts';

export interface LinodeToken {
  readonly token: string;
  /** `*`, or e.g. `linodes:read_only events:read_only`, parted by spaces or commas. Default `*`. */
  readonly scopes?: string;
}

export interface LinodeOptions {
  /** Where the API listens, loopback only. Default 127.0.0.1, any free port. */
  readonly listen?: Listen;
  /** Where the control API listens, loopback only. Default 127.0.0.1, any free port. */
  readonly control?: Listen;
  /** `here`: addresses as the vendor gives them, in the network namespace of this process. Default `loopback`. */
  readonly network?: 'loopback' | 'here';
  /** Default: one token that may do everything, made at random. */
  readonly tokens?: readonly LinodeToken[];
  /** Long durations are divided by it, 1 to 1000. Default 1. */
  readonly timeFactor?: number;
  /** Before division, ms. Defaults: provision 15,000, boot 20,000, shutdown 5,000. */
  readonly durations?: WorldOptions['durations'];
  /** `none`: no machine listens; for tests of the API alone. Default `processes`. */
  readonly guests?: WorldOptions['guests'];
  /** First-boot scripts are run on this computer, with the rights of this process, or only kept. Default `keep`. */
  readonly scripts?: WorldOptions['scripts'];
  /** Port of the application, ms of a processor for a request, ms until it listens. Defaults 80, 5, 1,000. */
  readonly app?: Partial<WorldOptions['app']>;
  /** Port of the exporter. Default 9100. */
  readonly exporterPort?: number;
  /** Default on. */
  readonly rateLimits?: boolean;
  /** A node without a result yet is `Unknown`, as recorded, or `unknown`, as documented. Default `recorded`. */
  readonly statusWords?: 'recorded' | 'documented';
  /** Told of errors inside the emulator. */
  readonly onError?: (error: unknown) => void;
}

export interface RunningLinode {
  /** Without the version: the API is below `/v4` and `/v4beta`. */
  readonly url: string;
  readonly controlUrl: string;
  /** The first one. */
  readonly token: string;
  readonly network: Network['kind'];
  readonly world: MachineWorld;
  /** What the account had until now; also `GET /ledger` of the control API. */
  ledger(): LedgerView;
  /** Ends every machine. */
  close(): Promise<void>;
}

const ANY: Listen = { host: '127.0.0.1', port: 0 };
const PROVISION_MS = 15_000;
const BOOT_MS = 20_000;

/** Throws Error when it cannot listen, or has no rights to its network. */
export async function startLinode(options: LinodeOptions = {}): Promise<RunningLinode> {
  const network = options.network === 'here' ? await openNamespace() : await openLoopback();
  const closers: (() => Promise<void>)[] = [() => network.close()];
  const closeAll = async () => {
    for (const close of closers.splice(0).reverse()) await close();
  };
  try {
    // The world tells of phases before the account is there only if a machine exists, which the account makes.
    let account: Account | null = null;
    const world = createWorld(worldOptions(options, network, (machine, from) => account?.linodes.onPhase(machine, from)));
    closers.push(() => world.close());
    account = new Account({
      world,
      provisionMs: options.durations?.provisionMs ?? PROVISION_MS,
      bootMs: options.durations?.bootMs ?? BOOT_MS,
      statusWords: options.statusWords ?? 'recorded',
      now: () => Date.now(),
    });
    const opened = account;
    closers.push(() => opened.balancers.close());
    const token = addTokens(opened, options.tokens ?? []);
    const api = new LinodeApi({
      account: opened,
      rateLimits: options.rateLimits ?? true,
      ...(options.onError === undefined ? {} : { onError: options.onError }),
    });
    const server = await serve(options.listen ?? ANY, (request, response) => void api.answer(request, response));
    closers.push(() => server.close());
    closers.push(async () => api.close());
    const control = await startControl(options.control ?? ANY, {
      faults: opened.faults,
      ledger: opened.ledger,
      world,
      machines: () => opened.linodes.all().map((linode) => ({ id: String(linode.id), label: linode.label, tags: linode.tags, machine: linode.machine })),
      frontends: () =>
        opened.balancers.all().flatMap((balancer) => [...balancer.configs.values()].map(({ frontend }) => ({ balancer: balancer.label, frontend }))),
    });
    closers.push(() => control.close());
    return { url: server.url, controlUrl: control.url, token, network: network.kind, world, ledger: () => opened.ledger.view(), close: closeAll };
  } catch (e) {
    await closeAll();
    throw e;
  }
}

function worldOptions(options: LinodeOptions, network: Network, onPhase: NonNullable<WorldOptions['onPhase']>): WorldOptions {
  return {
    network,
    timeFactor: options.timeFactor ?? 1,
    durations: { provisionMs: PROVISION_MS, bootMs: BOOT_MS, ...options.durations },
    guests: options.guests ?? 'processes',
    scripts: options.scripts ?? 'keep',
    app: { port: 80, workMs: 5, startMs: 1000, ...options.app },
    exporterPort: options.exporterPort ?? 9100,
    dir: mkdtempSync(join(tmpdir(), 'drover-linode-')),
    onPhase,
  };
}

/** The first token. Throws Error: scopes that do not exist. */
function addTokens(account: Account, tokens: readonly LinodeToken[]): string {
  for (const { token, scopes = '*' } of tokens) {
    const parsed = parseScopes(scopes);
    if (parsed === null) throw new Error(`\`${scopes}\` are no scopes: \`*\`, or areas such as linodes:read_write events:read_only`);
    account.tokens.add(token, parsed, 'given');
  }
  return tokens[0]?.token ?? account.tokens.create('*', 'emulated').value;
}
