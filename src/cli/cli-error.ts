import { EXIT } from './exit-codes.ts';

/** Something to tell the person at the terminal: in words, with what to do, and the exit code that goes with it. */
export class CliError extends Error {
  readonly exit: number;
  /** Stable, for programs. */
  readonly code: string;
  /** What to do about it, one line each. */
  readonly help: readonly string[];
  /** More fields of the JSON document. */
  readonly more: Readonly<Record<string, unknown>>;
  constructor(exit: number, code: string, message: string, help: readonly string[] = [], more: Readonly<Record<string, unknown>> = {}) {
    super(message);
    this.name = 'CliError';
    this.exit = exit;
    this.code = code;
    this.help = help;
    this.more = more;
  }
}

export const usageError = (message: string, ...help: string[]): CliError => new CliError(EXIT.usage, 'usage', message, help);
