/**
 * 64-bit FNV-1a over the sorted labels, as 16 hex digits: the same value as Prometheus' and Alertmanager's own fingerprint
 * (prometheus/common, model/signature.go), so that an alert has one identity whichever way it comes in.
 */
export function fingerprintOf(labels: Readonly<Record<string, string>>): string {
  // Go compares strings by bytes, JavaScript by UTF-16 units; label names are ASCII, where both agree.
  const names = Object.keys(labels).sort();
  const hash = new Fnv64();
  for (const name of names) {
    hash.text(name);
    hash.byte(SEPARATOR);
    hash.text(labels[name] ?? '');
    hash.byte(SEPARATOR);
  }
  return hash.hex();
}

/** Not a byte of any UTF-8 text. */
const SEPARATOR = 0xff;

/** In two halves of 32 bits, since numbers are exact up to 2^53 only. The prime is 2^40 + 0x1b3. */
class Fnv64 {
  #high = 0xcbf29ce4;
  #low = 0x84222325;

  byte(value: number): void {
    const low = (this.#low ^ value) >>> 0;
    const product = low * 0x1b3;
    this.#high = (this.#high * 0x1b3 + Math.floor(product / 2 ** 32) + ((low << 8) >>> 0)) % 2 ** 32;
    this.#low = product % 2 ** 32;
  }

  text(value: string): void {
    for (const byte of new TextEncoder().encode(value)) this.byte(byte);
  }

  hex(): string {
    return this.#high.toString(16).padStart(8, '0') + this.#low.toString(16).padStart(8, '0');
  }
}
