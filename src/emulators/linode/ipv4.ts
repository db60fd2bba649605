/** IPv4 addresses as numbers. */

export interface Cidr {
  readonly base: number;
  readonly mask: number;
  readonly prefix: number;
  readonly size: number;
}

export function toV4(text: string): number | null {
  const parts = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text)?.slice(1).map(Number);
  if (parts === undefined || parts.some((part) => part > 255)) return null;
  return parts.reduce((sum, part) => sum * 256 + part, 0);
}

export function textOfV4(value: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(value / 2 ** shift) % 256).join('.');
}

/** Null: no range, or its address is not the first one. */
export function parseCidr(text: string): Cidr | null {
  const [address = '', bits = ''] = text.split('/');
  const base = toV4(address);
  if (base === null || !/^\d{1,2}$/.test(bits) || Number(bits) > 32) return null;
  const size = 2 ** (32 - Number(bits));
  return base % size === 0 ? { base, mask: 2 ** 32 - size, prefix: Number(bits), size } : null;
}

/** The first two and the last two of a subnet are the vendor's. */
export function contains(cidr: Cidr, address: number): boolean {
  return address >= cidr.base + 2 && address < cidr.base + cidr.size - 2;
}

export function firstFree(cidr: Cidr, used: ReadonlySet<string>): string | null {
  for (let address = cidr.base + 2; contains(cidr, address); address++) {
    const text = textOfV4(address);
    if (!used.has(text)) return text;
  }
  return null;
}
