/** One of the two: an emulated account of its own, with a NodeBalancer, one Linode of before, and traffic that tells who answers. */
import { EmulatedAccount } from '../../src/app/demo/emulated-account.ts';
import type { LedgerView } from '../../src/emulators/api/ledger.ts';
import { freePort } from '../../src/platform/free-port.ts';
import { until } from './until.ts';

const BASE = 'base-1';
const PROBE_EVERY_MS = 25;
const BOOT_LIMIT_MS = 60_000;

export interface Tally {
  /** Machines made for the incident. */
  readonly made: number;
  /** Of these: there at the end, and in the NodeBalancer. */
  readonly joined: number;
  /** There at the end, paid for, and in no balancer. */
  readonly leaked: number;
}

/** Unix ms; null: not (yet). */
export interface Marks {
  readonly madeAtMs: number | null;
  readonly joinedAtMs: number | null;
  readonly servingAtMs: number | null;
}

export class Side {
  readonly account: EmulatedAccount;
  readonly appPort: number;
  readonly balancerId: number;
  readonly configId: number;
  /** How the private addresses of this account begin. */
  readonly privatePrefix: string;
  readonly #url: string;
  #servingAtMs: number | null = null;
  #probing: Promise<void> | null = null;
  #closed = false;

  private constructor(account: EmulatedAccount, appPort: number, made: { balancerId: number; configId: number; url: string; privatePrefix: string }) {
    this.account = account;
    this.appPort = appPort;
    this.balancerId = made.balancerId;
    this.configId = made.configId;
    this.#url = made.url;
    this.privatePrefix = made.privatePrefix;
  }

  static async open(timeFactor: number): Promise<Side> {
    const [appPort, exporterPort, port] = [await freePort(), await freePort(), await freePort()];
    const account = await EmulatedAccount.open({ network: 'loopback', timeFactor, app: { port: appPort, workMs: 2 }, exporterPort });
    try {
      return await Side.#furnish(account, appPort, port);
    } catch (e) {
      await account.close();
      throw e;
    }
  }

  static async #furnish(account: EmulatedAccount, appPort: number, port: number): Promise<Side> {
    const balancer = await account.api('POST', '/nodebalancers', { region: 'us-east', label: 'front' });
    const check = { check: 'http', check_path: '/healthz', check_interval: 10, check_timeout: 5, check_attempts: 2 };
    const config = await account.api('POST', `/nodebalancers/${String(balancer['id'])}/configs`, { port, protocol: 'http', ...check });
    const base = await account.api('POST', '/linode/instances', {
      ...{ label: BASE, region: 'us-east', type: 'g6-nanode-1', image: 'linode/debian12', tags: ['khw'], private_ip: true },
      root_pass: 'aB3$xyzzy-long-enough',
    });
    const address = (base['ipv4'] as string[])[1] ?? '';
    const nodes = `/nodebalancers/${String(balancer['id'])}/configs/${String(config['id'])}/nodes`;
    await account.api('POST', nodes, { label: BASE, address: `${address}:${appPort}` });
    const side = new Side(account, appPort, {
      balancerId: Number(balancer['id']),
      configId: Number(config['id']),
      url: `http://${String(balancer['ipv4'])}:${port}/`,
      privatePrefix: address.split('.').slice(0, 2).join('.'),
    });
    await until('the Linode of before to serve', async () => (await side.#answeredBy()) === BASE, BOOT_LIMIT_MS);
    side.#probing = side.#probe();
    return side;
  }

  /** Every look-up of Linodes takes so long from now on. */
  async slowLookUps(ms: number): Promise<void> {
    await this.account.control('POST', '/faults', { kind: 'delay', method: 'GET', path: '/linode/instances', count: null, ms });
  }

  async marks(): Promise<Marks> {
    const { machines, members } = await this.#ledger();
    const first = (rows: readonly { readonly label: string; readonly created_ms: number }[]): number | null =>
      rows.filter((row) => row.label !== BASE).reduce<number | null>((least, row) => Math.min(least ?? row.created_ms, row.created_ms), null);
    return { madeAtMs: first(machines), joinedAtMs: first(members), servingAtMs: this.#servingAtMs };
  }

  /** Machines made for the incident until now. */
  async made(): Promise<number> {
    return (await this.#ledger()).created - 1;
  }

  async tally(): Promise<Tally> {
    const ledger = await this.#ledger();
    const living = (await this.account.control('GET', '/machines'))['machines'] as { readonly label: string; readonly private_ipv4: string | null }[];
    const addresses = new Set(ledger.members.filter((m) => m.deleted_ms === null).map((m) => m.address));
    const extra = living.filter((machine) => machine.label !== BASE);
    const joined = extra.filter((machine) => addresses.has(`${machine.private_ipv4}:${this.appPort}`)).length;
    return { made: ledger.created - 1, joined, leaked: extra.length - joined };
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#probing;
    await this.account.close();
  }

  async #ledger(): Promise<LedgerView> {
    return (await this.account.control('GET', '/ledger')) as unknown as LedgerView;
  }

  /** Until somebody else than the Linode of before answers. */
  async #probe(): Promise<void> {
    while (!this.#closed && this.#servingAtMs === null) {
      const who = await this.#answeredBy();
      if (who !== null && who !== BASE) this.#servingAtMs = Date.now();
      else await new Promise((done) => setTimeout(done, PROBE_EVERY_MS));
    }
  }

  async #answeredBy(): Promise<string | null> {
    try {
      const reply = await fetch(this.#url, { signal: AbortSignal.timeout(5_000) });
      await reply.arrayBuffer();
      return reply.ok ? reply.headers.get('x-instance') : null;
    } catch {
      return null;
    }
  }
}
