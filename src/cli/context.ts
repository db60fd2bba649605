import { relative, resolve } from 'node:path';
import type { Client } from '../api/client.ts';
import { type Clock, realClock } from '../app/cli-parts.ts';
import type { Input } from './input.ts';
import type { Io } from './io.ts';
import { type Cell, type Column, formatTable, plainRows } from './table.ts';
import { ansiPaint, type Colour, formatTime, plainPaint, safe } from './text.ts';

/** The options every command takes. */
export interface Globals {
  readonly json: boolean;
  readonly plain: boolean;
  readonly color: boolean;
  readonly server: string | null;
  readonly tokenFile: string | null;
  readonly config: string | null;
  readonly context: string | null;
  readonly utc: boolean;
  readonly yes: boolean;
  /** Questions may be asked. */
  readonly input: boolean;
  readonly confirm: readonly string[];
  /** Longest wait for one answer of the controller. */
  readonly timeoutMs: number;
}

export type Run = (ctx: Context, input: Input) => Promise<number>;

/** Finds the controller. Throws CliError. */
export type Connect = (ctx: Context) => Promise<Client>;

const DEFAULT_CONFIG = 'drover.yaml';

/** What a command works with. */
export class Context {
  readonly io: Io;
  readonly globals: Globals;
  readonly clock: Clock;
  #client: Promise<Client> | null = null;
  readonly #closers: (() => Promise<void>)[] = [];

  readonly #connect: Connect;

  constructor(io: Io, globals: Globals, connect: Connect, clock: Clock = realClock) {
    this.io = io;
    this.globals = globals;
    this.#connect = connect;
    this.clock = clock;
  }

  // ── printing ──

  /** Answers go to stdout. */
  line(text = ''): void {
    this.io.stdout.write(`${text}\n`);
  }

  /** Everything else goes to stderr. */
  note(text: string): void {
    this.io.stderr.write(`${text}\n`);
  }

  /** One JSON document; `schema` is its first field. */
  document(document: object): void {
    this.io.stdout.write(`${JSON.stringify(document, null, 2)}\n`);
  }

  /** One document a line, for streams. */
  jsonLine(document: object): void {
    this.io.stdout.write(`${JSON.stringify(document)}\n`);
  }

  paint(colour: Colour, text: string): string {
    return (this.coloured(this.io.stdout) ? ansiPaint : plainPaint)(colour, text);
  }

  coloured(stream: Io['stdout']): boolean {
    const { env } = this.io;
    return stream.isTTY === true && this.globals.color && !this.globals.plain && !this.globals.json && !env['NO_COLOR'] && env['TERM'] !== 'dumb';
  }

  table(columns: readonly Column[], rows: readonly (readonly (Cell | string)[])[]): void {
    const width = this.io.stdout.isTTY === true ? (this.io.stdout.columns ?? null) : null;
    const lines = this.globals.plain ? plainRows(rows) : formatTable(columns, rows, { paint: (c, t) => this.paint(c, t), width });
    for (const line of lines) this.line(line);
  }

  /** An instant for people; `-` for none. */
  time(iso: string | null): string {
    if (iso === null) return '-';
    return this.globals.plain ? iso : formatTime(iso, this.globals.utc, this.clock.wall());
  }

  /** The time zone that texts of the API should use. */
  zone(): string {
    return this.globals.utc ? 'UTC' : (Intl.DateTimeFormat().resolvedOptions().timeZone ?? 'UTC');
  }

  // ── files ──

  path(path: string): string {
    return resolve(this.io.cwd, path);
  }

  /** The configuration file of this call: as given, with --config, or ./drover.yaml. */
  configFile(given: string | null): { readonly path: string; readonly shown: string } {
    const shown = given ?? this.globals.config ?? DEFAULT_CONFIG;
    return { path: this.path(shown), shown };
  }

  /** A path as short as it can be said from here. */
  shown(path: string): string {
    const short = relative(this.io.cwd, path);
    return short !== '' && !short.startsWith('..') ? short : path;
  }

  // ── the controller ──

  /** A client of the controller; its answers are safe to print. Throws CliError when none can be found. */
  client(): Promise<Client> {
    this.#client ??= this.#connect(this);
    return this.#client;
  }

  /** The same, waiting at least this long for an answer. */
  withTimeout(leastMs: number): Context {
    const other = new Context(this.io, { ...this.globals, timeoutMs: Math.max(leastMs, this.globals.timeoutMs) }, this.#connect, this.clock);
    this.onEnd(() => other.end());
    return other;
  }

  onEnd(close: () => Promise<void>): void {
    this.#closers.push(close);
  }

  async end(): Promise<void> {
    await Promise.allSettled(this.#closers.splice(0).map((close) => close()));
  }
}

/** One line, for people. */
export function quoted(text: string): string {
  return `"${safe(text).replace(/\s+/g, ' ')}"`;
}
