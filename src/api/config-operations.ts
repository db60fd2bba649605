import type { Json } from '../core/model/model.ts';
import type { Actor } from '../engine/operations.ts';

/** One mistake, with its place. The diagnostics of the config layer fit as they are. */
export interface ConfigProblem {
  readonly code: string;
  readonly severity: 'error' | 'warning';
  readonly message: string;
  readonly file: string;
  /** 1-based. */
  readonly line: number;
  readonly column: number;
  /** Exclusive. */
  readonly endColumn: number;
  readonly label: string;
  readonly help: string;
  readonly suggestion?: string;
}

export interface ConfigChange {
  readonly kind: 'add' | 'change' | 'remove';
  /** Null: outside of groups. */
  readonly group: string | null;
  /** e.g. `limits.scale_in.after_quiet`. */
  readonly key: string;
  /** Secrets hidden. */
  readonly before: Json;
  readonly after: Json;
  /** In one line, e.g. `~ web   max   10 → 12`. */
  readonly text: string;
}

export interface ConfigPlan {
  /** Hash of the running configuration; null: none. */
  readonly running: string | null;
  /** Hash of the configuration asked about; null: not valid. */
  readonly next: string | null;
  readonly problems: readonly ConfigProblem[];
  readonly changes: readonly ConfigChange[];
  /** What it launches and deletes at once, by group. */
  readonly effects: readonly { readonly group: string; readonly launches: number; readonly removals: number; readonly text: string }[];
  /** Groups whose running instances it deletes: apply needs their names. */
  readonly confirm: readonly string[];
}

export interface ConfigRunning {
  readonly hash: string | null;
  readonly file: string | null;
  readonly text: string;
  readonly loadedMs: number | null;
  /** Why a newer file is not used; null: nothing newer. */
  readonly error: string | null;
}

/** The file is the truth; these read it, judge another text, and replace it. Provided by `app`. */
export interface ConfigOperations {
  validate(text: string): Promise<readonly ConfigProblem[]>;
  plan(text: string): Promise<ConfigPlan>;
  /** All or nothing. `applied` false: the text has errors (see problems), or a name of `plan.confirm` is not in `confirm`.
   *  Throws OperationError conflict when the file changed under us, unavailable when it cannot be written. */
  apply(text: string, actor: Actor, confirm: readonly string[]): Promise<{ readonly applied: boolean; readonly plan: ConfigPlan }>;
  running(): Promise<ConfigRunning>;
}
