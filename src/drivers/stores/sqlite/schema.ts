/**
 * Tables as Kysely sees them. Only types that SQLite, PostgreSQL and CockroachDB share: text, bigint (Unix ms, counters)
 * and integers 0/1 for yes and no. Nouns that are only ever read whole are kept as JSON text.
 */
export interface Schema {
  schema_migrations: { version: number; name: string; applied_ms: number };
  /** What the store keeps for itself: install id, checkpoint key. */
  internals: { key: string; value: string };
  /** What others keep here: `Store.meta`. */
  meta: { key: string; value: string };
  /** One row per group specification ever used; `key` is its hash and a digest of its text. */
  specs: { key: string; group_name: string; hash: string; spec: string; first_used_ms: number; last_used_ms: number };
  templates: { group_name: string; id: string; options: string; first_used_ms: number; archived_ms: number | null };
  groups: {
    name: string;
    owner: string | null;
    epoch: number;
    lease_until_ms: number;
    managed: number;
    archived_ms: number | null;
    observe: number;
    spec_key: string;
    pause: string | null;
    manual: string;
    approved: string | null;
    next_n: number;
    frozen: string | null;
    created_ms: number;
    memory: string | null;
  };
  instances: {
    id: string;
    group_name: string;
    n: number;
    state: string;
    since_ms: number;
    protected: number;
    standby: number;
    detached: number;
    replace_requested: number;
    remove_requested: number;
    body: string;
  };
  decisions: { seq: number; id: string; group_name: string; at_ms: number; last_ms: number; count: number; first: string; last: string | null };
  /** Part 0: inputs of the first decision of the run; part 1: of the last, once there are two. */
  decision_inputs: { decision_seq: number; part: number; spec_key: string; inputs: string };
  events: { seq: number; at_ms: number; group_name: string | null; type: string; actor: string; data: string; hash: string };
  /** One row (id 1): the newest event. */
  event_head: { id: number; seq: number; hash: string };
  checkpoints: { seq: number; hash: string; at_ms: number; mac: string };
  alerts: {
    receiver: string;
    episode: string;
    status: string;
    name: string;
    labels: string;
    starts_ms: number;
    last_heard_ms: number;
    resolved_ms: number | null;
    /** JSON of annotations and origin; null: neither. */
    detail: string | null;
  };
  once_keys: { key: string; at_ms: number };
  tokens: { id: string; name: string; role: string; hash: string; created_ms: number; revoked_ms: number | null };
}
