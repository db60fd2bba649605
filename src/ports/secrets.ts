/** A secret's value, held so that it never prints: JSON, string conversion and inspection give `***`. */
export class Secret {
  readonly #value: string;
  constructor(value: string) {
    this.#value = value;
  }
  /** The only way to the value. Use it at the call that needs it, never store the result. */
  reveal(): string {
    return this.#value;
  }
  toString(): string {
    return '***';
  }
  toJSON(): string {
    return '***';
  }
  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return '***';
  }
}

/** Where a secret is kept: `{ env: NAME }`, `{ file: PATH }`, or `{ secret: NAME }`: encrypted in the state directory. */
export type SecretRef = { readonly env: string } | { readonly file: string } | { readonly secret: string };

export interface Secrets {
  /** Reads the secret now (a rotated file is seen at the next call). Throws DriverError unauthorized or bad-request naming the
   *  reference, never the value; never not-found, which would be told of the machine or member that the secret was needed for. */
  resolve(ref: SecretRef): Promise<Secret>;
  /** Cryptographic randomness, hex. */
  randomHex(bytes: number): string;
  /** SHA-256 of text, hex. */
  sha256(text: string): string;
  /** HMAC-SHA256, hex. */
  hmacSha256(secret: Secret, data: Uint8Array | string): string;
  /** Constant-time comparison. */
  equal(a: string, b: string): boolean;
}
