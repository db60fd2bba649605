/** Time comes through here, so that the whole engine can run on virtual time. */
export interface Clock {
  /** Unix ms; may jump. */
  wall(): number;
  /** Monotonic ms from an arbitrary start; never jumps. All durations inside one process are measured with it. */
  mono(): number;
  /** Resolves after `ms`; rejects with the signal's reason when aborted. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  /** Calls back once after `ms`; returns a cancel function. */
  after(ms: number, run: () => void): () => void;
}

/** Randomness comes through here. Not for secrets: those use `Secrets.random`. */
export interface Random {
  /** Uniform 32-bit unsigned integer. */
  u32(): number;
}

/** `length` characters of a-z0-9 without look-alikes. */
export function randomId(random: Random, length: number): string {
  const alphabet = 'abcdefghjkmnpqrstuvwxyz23456789';
  let id = '';
  for (let i = 0; i < length; i++) id += alphabet[random.u32() % alphabet.length];
  return id;
}
