/** IPv4 ranges to take addresses from, the lowest free one first. */
import { isIPv4 } from 'node:net';

export interface AddressRange {
  readonly first: string;
  readonly last: string;
}

export function v4ToNumber(address: string): number {
  return address.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);
}

export function v4FromNumber(number: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(number / 2 ** shift) % 256).join('.');
}

export class AddressPool {
  readonly #name: string;
  readonly #ranges: readonly { readonly first: number; readonly last: number }[];
  readonly #taken = new Set<number>();
  /** No free address stands before this one. */
  #low = 0;

  constructor(name: string, ranges: readonly AddressRange[]) {
    this.#name = name;
    this.#ranges = ranges.map(({ first, last }) => ({ first: v4ToNumber(first), last: v4ToNumber(last) }));
  }

  take(): string {
    for (let number = this.#at(this.#low); number !== null; number = this.#at(++this.#low)) {
      if (this.#taken.has(number)) continue;
      this.#taken.add(number);
      this.#low++;
      return v4FromNumber(number);
    }
    throw new RangeError(`there is no ${this.#name} address left`);
  }

  holds(address: string): boolean {
    return isIPv4(address) && this.#indexOf(v4ToNumber(address)) !== null;
  }

  takeExactly(address: string): void {
    const number = v4ToNumber(address);
    if (this.#taken.has(number)) throw new RangeError(`${address} is taken`);
    this.#taken.add(number);
  }

  /** False: it was not taken from here. */
  release(address: string): boolean {
    if (!isIPv4(address) || !this.#taken.delete(v4ToNumber(address))) return false;
    this.#low = Math.min(this.#low, this.#indexOf(v4ToNumber(address)) ?? this.#low);
    return true;
  }

  /** The ranges one after the other. Null: beyond the last. */
  #at(index: number): number | null {
    let rest = index;
    for (const { first, last } of this.#ranges) {
      const size = last - first + 1;
      if (rest < size) return first + rest;
      rest -= size;
    }
    return null;
  }

  #indexOf(number: number): number | null {
    let before = 0;
    for (const { first, last } of this.#ranges) {
      if (number >= first && number <= last) return before + number - first;
      before += last - first + 1;
    }
    return null;
  }
}

/** Unique IPv6 addresses below a /32, in the form a machine makes of its MAC address. */
export class V6Pool {
  readonly #prefix: string;
  readonly #taken = new Set<string>();
  #last = 0;
  readonly #freed: number[] = [];

  /** The first 32 bits as two groups, e.g. `2600:3c0e`. */
  constructor(prefix: string) {
    this.#prefix = prefix;
  }

  take(): string {
    const number = this.#freed.shift() ?? ++this.#last;
    if (number > 0xff_ffff) throw new RangeError('there is no IPv6 address left');
    const address = `${this.#prefix}::f03c:95ff:fe${(number >> 16).toString(16).padStart(2, '0')}:${(number & 0xffff).toString(16)}`;
    this.#taken.add(address);
    return address;
  }

  release(address: string): boolean {
    if (!this.#taken.delete(address)) return false;
    const [high = '', low = ''] = address.slice(address.indexOf('ff:fe') + 5).split(':');
    const number = Number.parseInt(high, 16) * 65_536 + Number.parseInt(low, 16);
    this.#freed.push(number);
    this.#freed.sort((a, b) => a - b);
    return true;
  }
}

/** What a network hands out by itself: public and private IPv4, and IPv6. */
export class AddressPools {
  readonly #public: AddressPool;
  readonly #private: AddressPool;
  readonly #v6: V6Pool;

  constructor(publicRanges: readonly AddressRange[], privateRanges: readonly AddressRange[], v6Prefix: string) {
    this.#public = new AddressPool('public', publicRanges);
    this.#private = new AddressPool('private', privateRanges);
    this.#v6 = new V6Pool(v6Prefix);
  }

  takePublicV4(): string {
    return this.#public.take();
  }
  takePrivateV4(): string {
    return this.#private.take();
  }
  takeV6(): string {
    return this.#v6.take();
  }

  /** False: it is in none of the IPv4 ranges. Throws RangeError when it is taken. */
  protected takeOwn(address: string): boolean {
    const own = [this.#public, this.#private].find((pool) => pool.holds(address));
    own?.takeExactly(address);
    return own !== undefined;
  }

  /** Does nothing when it was not taken from here. */
  protected releaseOwn(address: string): void {
    if (!this.#public.release(address) && !this.#private.release(address)) this.#v6.release(address);
  }
}
