/** Machines on 127.0.0.0/8: needs no rights, knows no IPv6. */
import { createServer, isIPv4, isIPv6, type Server } from 'node:net';
import { AddressPools } from './address-pool.ts';
import type { Network } from './machines.ts';

/** So many emulators may run side by side; each has a /16 for public and one for private addresses. */
const SLOTS = 100;
const FIRST_PUBLIC = 20;
const FIRST_PRIVATE = 130;

/** Linux only: other systems have one address of 127.0.0.0/8. Throws Error there, and when too many emulators run. */
export async function openLoopback(): Promise<Network> {
  if (process.platform !== 'linux') throw new Error('machines on addresses of their own need Linux');
  for (let slot = 0; slot < SLOTS; slot++) {
    const claim = await claimSlot(slot);
    if (claim !== null) return new Loopback(slot, claim);
  }
  throw new Error(`${SLOTS} emulators run already`);
}

/**
 * The kernel's own register of who has what: a name that only one socket can have, given back when the process ends. It goes with the network
 * namespace, as the addresses do.
 */
async function claimSlot(slot: number): Promise<Server | null> {
  const server = createServer();
  return await new Promise((resolve, reject) => {
    server.once('error', (e: NodeJS.ErrnoException) => (e.code === 'EADDRINUSE' ? resolve(null) : reject(e)));
    server.listen({ path: `\0drover-emulated-machines-${slot}` }, () => {
      server.unref();
      resolve(server);
    });
  });
}

class Loopback extends AddressPools implements Network {
  readonly kind = 'loopback';
  readonly ipv6 = false;
  readonly #claim: Server;
  /** Addresses chosen by the user, e.g. of a VPC → where they listen here. */
  readonly #stands = new Map<string, string>();

  constructor(slot: number, claim: Server) {
    const range = (second: number) => [{ first: `127.${second}.0.10`, last: `127.${second}.255.250` }];
    super(range(FIRST_PUBLIC + slot), range(FIRST_PRIVATE + slot), '2600:3c0e');
    this.#claim = claim;
  }

  takeExactly(address: string): string {
    if (this.takeOwn(address)) return address;
    if (!isIPv4(address) || address.startsWith('127.')) throw new RangeError(`${address} cannot be served: machines are on loopback addresses`);
    if (this.#stands.has(address)) throw new RangeError(`${address} is taken`);
    this.#stands.set(address, this.takePrivateV4());
    return address;
  }

  listensAt(address: string): string | null {
    return this.#stands.get(address) ?? (isIPv6(address) ? null : address);
  }

  release(address: string): void {
    const stand = this.#stands.get(address);
    this.#stands.delete(address);
    this.releaseOwn(stand ?? address);
  }

  async close(): Promise<void> {
    await new Promise((resolve) => this.#claim.close(resolve));
  }
}
