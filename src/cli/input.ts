import { parseDuration } from '../app/cli-parts.ts';
import { usageError } from './cli-error.ts';

/** Arguments and options of one command, read with their types. What does not fit is wrong usage (exit 2). */
export class Input {
  readonly args: readonly string[];
  readonly #options: Readonly<Record<string, unknown>>;

  constructor(args: readonly (string | readonly string[] | undefined)[], options: Readonly<Record<string, unknown>>) {
    this.args = args.flat().filter((a): a is string => a !== undefined);
    this.#options = options;
  }

  /** The n-th argument; null: not given. */
  arg(n: number): string | null {
    return this.args[n] ?? null;
  }

  /** An argument that the syntax of the command demands. */
  need(n: number): string {
    const value = this.args[n];
    if (value === undefined || value === '') throw usageError('an argument is empty');
    return value;
  }

  flag(name: string): boolean {
    return this.#options[name] === true;
  }

  text(name: string): string | null {
    const value = this.#options[name];
    return typeof value === 'string' ? value : null;
  }

  many(name: string): readonly string[] {
    const value = this.#options[name];
    return Array.isArray(value) ? value.map(String) : [];
  }

  durationMs(name: string): number | null {
    const text = this.text(name);
    return text === null ? null : durationOf(text, `--${dashed(name)}`);
  }

  count(name: string, least: number, most: number): number | null {
    const text = this.text(name);
    return text === null ? null : countOf(text, `--${dashed(name)}`, least, most);
  }
}

export function durationOf(text: string, what: string): number {
  const parsed = parseDuration(text);
  if (!parsed.ok) throw usageError(`${what}: ${parsed.message}`);
  return parsed.value;
}

export function countOf(text: string, what: string, least: number, most: number): number {
  const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= least && value <= most)) throw usageError(`${what} is a whole number from ${least} to ${most}, not \`${text}\``);
  return value;
}

/** `tokenFile` → `token-file`, as it is typed. */
function dashed(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}
