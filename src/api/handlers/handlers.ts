import type { Actor, Operations } from '../../engine/operations.ts';
import type { Clock, Secrets, Store } from '../../ports/ports.ts';
import type { ConfigOperations } from '../config-operations.ts';
import type { DocumentRoute, HandlerInput, Reply } from '../contract.ts';
import type { TokenBook } from '../tokens.ts';

/** Routes answered outside of this table: their status or form differs from call to call. */
type Special = 'hook' | 'readyz';
export type HandlerName = Exclude<DocumentRoute, Special>;

export interface CallContext {
  readonly actor: Actor;
  /** Adds a header to the answer. */
  readonly header: (name: string, value: string) => void;
}
export type Handler<N extends HandlerName> = (input: HandlerInput<N>, context: CallContext) => Promise<Reply<N>>;
export type Handlers<N extends HandlerName = HandlerName> = { readonly [K in N]: Handler<K> };

export interface HandlerDeps {
  readonly operations: Operations;
  readonly config: ConfigOperations;
  readonly store: Pick<Store, 'tokens' | 'control'>;
  readonly secrets: Secrets;
  readonly clock: Clock;
  readonly book: TokenBook;
  /** Backups go there. */
  readonly backupDir: string;
  readonly version: string;
  readonly installId: string;
}

export const done = { schema: 'drover.done/v1', done: true } as const;
