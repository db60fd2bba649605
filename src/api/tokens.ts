import type { Clock, Secrets, Store, TokenRow } from '../ports/ports.ts';

/** 256 random bits: guessing is out of reach, so a plain hash is enough to keep. */
const TOKEN_BYTES = 32;
/** Longer credentials are refused before they are hashed. */
const MAX_TOKEN_CHARS = 512;
/** Revoking on another controller takes effect here within this time. */
const CACHE_MS = 2000;

/** A new token: `value` is for its user and is kept nowhere, `row` is for the store. */
export function createToken(secrets: Secrets, name: string, role: TokenRow['role'], nowMs: number): { readonly value: string; readonly row: TokenRow } {
  const value = `drv_${secrets.randomHex(TOKEN_BYTES)}`;
  return { value, row: { id: `t_${secrets.randomHex(6)}`, name, role, hash: secrets.sha256(value), createdAtMs: nowMs, revokedAtMs: null } };
}

/** Who a presented token belongs to. */
export interface TokenBook {
  /** Null: no such token, or revoked. Takes the same time whichever token it is. */
  find(value: string): Promise<TokenRow | null>;
  /** Still valid? For connections that stay open. */
  stillValid(id: string): Promise<boolean>;
  /** After a change made here: read again at once. */
  refresh(): void;
}

export function createTokenBook(store: Pick<Store, 'tokens'>, secrets: Secrets, clock: Clock): TokenBook {
  let cached: { readonly rows: Promise<readonly TokenRow[]>; readonly untilMs: number } | null = null;
  const live = async (): Promise<readonly TokenRow[]> => {
    if (cached === null || clock.mono() >= cached.untilMs) {
      const entry = { rows: store.tokens(), untilMs: clock.mono() + CACHE_MS };
      cached = entry;
      // A failed read must not be remembered.
      entry.rows.catch(() => {
        if (cached === entry) cached = null;
      });
    }
    return (await cached.rows).filter((row) => row.revokedAtMs === null);
  };
  return {
    find: async (value) => {
      if (value === '' || value.length > MAX_TOKEN_CHARS) return null;
      const hash = secrets.sha256(value);
      let found: TokenRow | null = null;
      for (const row of await live()) if (secrets.equal(row.hash, hash)) found = row;
      return found;
    },
    stillValid: async (id) => (await live()).some((row) => row.id === id),
    refresh: () => {
      cached = null;
    },
  };
}
