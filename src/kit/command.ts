/** What drivers that start commands share: declared environments, results of commands in words, calls that can be given up. */
import { z } from 'zod';
import { DriverError } from '../ports/errors.ts';
import type { RunResult } from '../ports/processes.ts';
import type { Secrets } from '../ports/secrets.ts';
import { redact } from './redact.ts';
import { secretRef } from './secret-ref.ts';

/** A text written in the file, or where a secret is kept. */
export const valueOrSecret = z.union([z.string().max(65_536), secretRef]);
export type ValueOrSecret = z.output<typeof valueOrSecret>;

/** Environment of a command; names of our own are refused. */
export const declaredEnv = z.record(
  z
    .string()
    .regex(/^[A-Za-z_][A-Za-z0-9_]{0,127}$/, 'must be a name of letters, digits and _')
    .refine((name) => !name.startsWith('DROVER_'), 'names that begin with DROVER_ are set by Drover itself'),
  valueOrSecret,
);

/** Command of the operator: literal arguments, the first one a path or a name on PATH. */
export const commandLine = z.array(z.string().max(65_536)).min(1, 'must name a program').max(1000);

export interface ResolvedValues {
  readonly values: Record<string, string>;
  /** What must not show up in a message. */
  readonly secrets: readonly string[];
}

/** Reads the secrets now, so that a rotated one counts from the next call on. Drop the result after the call. */
export async function resolveValues(declared: Readonly<Record<string, ValueOrSecret>>, secrets: Secrets): Promise<ResolvedValues> {
  const values: Record<string, string> = {};
  const hidden: string[] = [];
  for (const [name, value] of Object.entries(declared)) {
    if (typeof value === 'string') {
      values[name] = value;
      continue;
    }
    const secret = (await secrets.resolve(value)).reveal();
    hidden.push(secret);
    values[name] = secret;
  }
  return { values, secrets: hidden };
}

/** The end of what a program said (that is where the cause stands): one line, without our secrets, at most `maxChars`. */
export function tail(text: string, secrets: readonly string[], maxChars = 200): string {
  const clean = redact(text, secrets)
    // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters of a foreign text must not reach a terminal or a log
    .replace(/[\s\u0000-\u001f\u007f-\u009f]+/g, ' ')
    .trim();
  return clean.length <= maxChars ? clean : `…${clean.slice(clean.length - maxChars + 1)}`;
}

/** How a command ended, in words: `exit code 3: no such host`. */
export function ending(result: RunResult, secrets: readonly string[]): string {
  const how = result.signal === null ? `exit code ${result.exitCode}` : `ended by ${result.signal}`;
  const why = tail(result.stderr, secrets);
  return why === '' ? how : `${how}: ${why}`;
}

export function throwIfAborted(signal: AbortSignal, what: string): void {
  if (signal.aborted) throw new DriverError('unreachable', `${what} was aborted before it began`, { definite: true });
}

/** The outcome of `work`, or `unreachable` as soon as the signal aborts; the work itself goes on to its end. */
export async function orAborted<T>(work: Promise<T>, signal: AbortSignal, what: string): Promise<T> {
  let stop = () => {};
  const aborted = new Promise<never>((_, reject) => {
    stop = () => reject(new DriverError('unreachable', `${what} was aborted`));
    if (signal.aborted) stop();
    else signal.addEventListener('abort', stop, { once: true });
  });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener('abort', stop);
    work.catch(() => {}); // Nobody listens to it any more.
  }
}
