/**
 * Machines on addresses as a cloud gives them, inside a network namespace. A range is made bindable as a whole by one local route to the
 * loopback, so that a machine needs no command of its own.
 */
import { spawnSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { createServer, isIPv4, isIPv6, type Server } from 'node:net';
import { AddressPools, v4FromNumber, v4ToNumber } from './address-pool.ts';
import type { Network } from './machines.ts';
import { runTool, toolEnv, whyNotHere } from './namespace.ts';

const V6_PREFIX = '2600:3c0e';
/** Set aside for documentation and for measuring: nobody's. */
const PUBLIC = ['203.0.113.0/24', '198.51.100.0/24', '198.18.0.0/15'];
/** 192.168.255.0/24, the balancers' own, is part of it but not handed out. */
const PRIVATE = '192.168.128.0/17';
/** Where a chosen address may lie: private ranges, and that of carriers. */
const CHOOSABLE = ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '100.64.0.0/10'];
const CHOOSABLE_V6 = /^(f[cd][0-9a-f]{2}|2001:db8|2600:3c0e):/;
const IP_TIMEOUT_MS = 5000;

/**
 * Lays the routes into the namespace this process is in. Throws Error with a sentence when that is the machine's own, when the rights or
 * iproute2 are missing, and when another emulator is there.
 */
export async function openNamespace(): Promise<Network> {
  const why = await whyNotHere();
  if (why !== null) throw new Error(why);
  const claim = await claimNamespace();
  try {
    const ipv6 = await prepare();
    return new NamespaceNetwork(claim, ipv6);
  } catch (e) {
    claim.close();
    throw e;
  }
}

/** A name in the kernel's register of this namespace, free again when the process ends. */
async function claimNamespace(): Promise<Server> {
  const server = createServer();
  return await new Promise((resolve, reject) => {
    server.once('error', (e: NodeJS.ErrnoException) =>
      reject(e.code === 'EADDRINUSE' ? new Error('another emulator hands out the addresses of this network namespace') : e),
    );
    server.listen({ path: '\0drover-emulated-machines-namespace' }, () => {
      server.unref();
      resolve(server);
    });
  });
}

/** Whether IPv6 can be served. */
async function prepare(): Promise<boolean> {
  const routes = [...PUBLIC, PRIVATE].map((range) => `route replace local ${range} dev lo\n`);
  const laid = await runTool('ip', ['-batch', '-'], `link set dev lo up\n${routes.join('')}`);
  if (laid.code === null) throw new Error('the program ip is not there (package iproute2)');
  if (laid.code !== 0) throw new Error(`the addresses cannot be laid into this network namespace: ${laid.said}`);
  // Wanted, not needed: ports below 1024 without rights, many connections at once.
  await setSwitch('net/ipv4/ip_unprivileged_port_start', '0');
  await setSwitch('net/core/somaxconn', '4096');
  await setSwitch('net/ipv6/conf/lo/disable_ipv6', '0');
  if (!(await setSwitch('net/ipv6/ip_nonlocal_bind', '1'))) return false;
  return (await runTool('ip', ['-6', 'route', 'replace', 'local', `${V6_PREFIX}::/32`, 'dev', 'lo'])).code === 0;
}

/** False: there is no such switch, or it may not be set (containers often have them read-only). */
async function setSwitch(name: string, value: string): Promise<boolean> {
  try {
    await writeFile(`/proc/sys/${name}`, value);
    return true;
  } catch {
    return false;
  }
}

class NamespaceNetwork extends AddressPools implements Network {
  readonly kind = 'namespace';
  readonly ipv6: boolean;
  readonly #claim: Server;
  readonly #chosen = new Set<string>();
  /** Routes laid for chosen addresses. */
  readonly #routes = new Set<string>();

  constructor(claim: Server, ipv6: boolean) {
    super(
      [
        { first: '203.0.113.1', last: '203.0.113.254' },
        { first: '198.51.100.1', last: '198.51.100.254' },
        { first: '198.18.0.1', last: '198.19.255.254' },
      ],
      [{ first: '192.168.128.10', last: '192.168.254.254' }],
      V6_PREFIX,
    );
    this.#claim = claim;
    this.ipv6 = ipv6;
  }

  takeExactly(address: string): string {
    if (this.takeOwn(address)) return address;
    if (this.#chosen.has(address)) throw new RangeError(`${address} is taken`);
    this.#layRoute(address);
    this.#chosen.add(address);
    return address;
  }

  listensAt(address: string): string | null {
    return isIPv6(address) && !this.ipv6 ? null : address;
  }

  release(address: string): void {
    if (!this.#chosen.delete(address)) this.releaseOwn(address);
  }

  async close(): Promise<void> {
    const lines = [...PUBLIC, PRIVATE, ...this.#routes].map((range) => `route del local ${range} dev lo\n`);
    if (this.ipv6) lines.push(`route del local ${V6_PREFIX}::/32 dev lo\n`);
    await runTool('ip', ['-force', '-batch', '-'], lines.join(''));
    await new Promise((resolve) => this.#claim.close(resolve));
  }

  /** One for the /24 or /64 around it; the next address there finds it laid. */
  #layRoute(address: string): void {
    const range = rangeAround(address, this.ipv6);
    if (range === null) throw new RangeError(`${address} cannot be served: it is in no private range`);
    if (this.#routes.has(range)) return;
    const family = isIPv4(address) ? '-4' : '-6';
    const laid = spawnSync('ip', [family, 'route', 'replace', 'local', range, 'dev', 'lo'], {
      timeout: IP_TIMEOUT_MS,
      env: toolEnv(process.env),
      stdio: 'ignore',
    });
    if (laid.status !== 0) throw new RangeError(`${address} cannot be served: no route could be laid for ${range}`);
    this.#routes.add(range);
  }
}

function rangeAround(address: string, ipv6: boolean): string | null {
  if (isIPv4(address)) {
    const number = v4ToNumber(address);
    return CHOOSABLE.some((range) => within(number, range)) ? `${v4FromNumber(number - (number % 256))}/24` : null;
  }
  if (!isIPv6(address) || !ipv6) return null;
  // The one way to write it, with every group that `::` stands for.
  const [head = '', tail] = new URL(`http://[${address}]`).hostname.slice(1, -1).split('::');
  if (!CHOOSABLE_V6.test(`${head}:`)) return null;
  const after = tail === undefined || tail === '' ? [] : tail.split(':');
  const before = head.split(':');
  const groups = [...before, ...Array.from({ length: 8 - before.length - after.length }, () => '0'), ...after];
  return `${groups.slice(0, 4).join(':')}::/64`;
}

function within(number: number, range: string): boolean {
  const [base = '', bits = '32'] = range.split('/');
  const size = 2 ** (32 - Number(bits));
  return Math.floor(number / size) === Math.floor(v4ToNumber(base) / size);
}
