/** Which of a Linode's addresses is the one members and checks use. */
import type { LinodeApi } from '../../../kit/linode-api.ts';
import { DriverError } from '../../../ports/errors.ts';
import type { AddressKind } from './options.ts';
import { type AddressesReply, addressesReply, type LinodeReply } from './replies.ts';

/** Addresses of this many machines are remembered; the oldest go first. */
const MOST_KNOWN = 10_000;
const LOOPBACK = /^127\./;

/** Linode's private network, 192.168.128.0/17. */
export function isPrivate(address: string): boolean {
  const third = /^192\.168\.(\d{1,3})\.\d{1,3}$/.exec(address)?.[1];
  return third !== undefined && Number(third) >= 128;
}

export class Addresses {
  readonly #api: LinodeApi;
  readonly #known = new Map<string, string>();
  /** By machine: what its tags said last. */
  readonly #kinds = new Map<number, AddressKind>();

  constructor(api: LinodeApi) {
    this.#api = api;
  }

  /**
   * `told`: what its tags say; null when they are lost, which must not move a machine that serves to another address.
   * Null: it has none (yet). Throws DriverError when the cloud has to be asked and does not answer.
   */
  async of(reply: LinodeReply, told: AddressKind | null, signal: AbortSignal): Promise<string | null> {
    if (told !== null) remember(this.#kinds, reply.id, told);
    const kind = told ?? this.#kinds.get(reply.id) ?? null;
    if (kind === 'ipv6') return reply.ipv6?.split('/')[0] || null;
    // An emulator without a network of its own gives addresses of the loopback network: there the number does not tell which is private.
    if (kind !== 'vpc' && !reply.ipv4.some((address) => LOOPBACK.test(address))) {
      const [here, wan] = [reply.ipv4.find(isPrivate) ?? null, reply.ipv4.find((address) => address !== '' && !isPrivate(address)) ?? null];
      return kind === 'private' ? here : kind === 'public' ? wan : (here ?? wan);
    }
    // An address that was reassigned must not be told from memory.
    const key = `${reply.id} ${kind} ${reply.ipv4.join()}`;
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const found = await this.#ask(reply.id, kind, signal);
    if (found !== null) remember(this.#known, key, found);
    return found;
  }

  async #ask(id: number, kind: Exclude<AddressKind, 'ipv6'> | null, signal: AbortSignal): Promise<string | null> {
    try {
      const { body } = await this.#api.call('GET', `/linode/instances/${id}/ips`, { schema: addressesReply, signal });
      return kind === null ? (pick(body, 'private') ?? pick(body, 'public')) : pick(body, kind);
    } catch (e) {
      if (e instanceof DriverError && e.code === 'not-found') return null; // deleted since it was listed
      throw e;
    }
  }
}

function remember<K, V>(map: Map<K, V>, key: K, value: V): void {
  map.delete(key);
  map.set(key, value);
  const oldest = map.keys().next();
  if (map.size > MOST_KNOWN && !oldest.done) map.delete(oldest.value);
}

function pick({ ipv4 }: AddressesReply, kind: Exclude<AddressKind, 'ipv6'>): string | null {
  return (kind === 'vpc' ? ipv4.vpc : ipv4[kind])?.find((each) => each.address)?.address ?? null;
}
