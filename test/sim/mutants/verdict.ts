/** What caught a mutant, and how soon. */
export interface Caught {
  /** Id of an invariant, or the file of a test. */
  readonly by: string;
  /** What it reported. */
  readonly says: string;
  /** Seeds are tried from 1; null: found by a test. */
  readonly seed: number | null;
  /** Simulated until then, all seeds together; null: found by a test. */
  readonly groupHours: number | null;
  readonly cpuSeconds: number;
}
