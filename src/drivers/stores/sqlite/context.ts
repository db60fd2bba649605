import type { Clock } from '../../../ports/clock.ts';
import type { Connection } from './connection.ts';
import { storeError } from './errors.ts';
import type { EventChain } from './event-chain.ts';
import type { Queries } from './queries.ts';
import type { SpecCache } from './spec-cache.ts';

/** Meta key of the install-wide pause. */
export const PAUSE_ALL = 'pause';

/** What the parts of one open store share. */
export interface StoreContext {
  readonly connection: Connection;
  readonly queries: Queries;
  readonly chain: EventChain;
  readonly specs: SpecCache;
  readonly clock: Clock;
  readonly sha256: (text: string) => string;
}

/** Refuses this one call; nothing of it stays. */
export function contradiction(store: StoreContext, sentence: string): never {
  throw storeError('conflict', store.connection.path, sentence);
}
