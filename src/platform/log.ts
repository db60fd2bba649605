/** The structured log: one line per entry on one descriptor, JSON or text. Values under names of secrets never get through. */
import pino, { type DestinationStream } from 'pino';
import type { Log } from '../ports/log.ts';

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

export interface LogOptions {
  /** Entries below are dropped. */
  readonly level: LogLevel;
  /** `json`: one object per line. `text`: for people. */
  readonly format: 'json' | 'text';
  /** Where lines go; default: the standard error stream, so that standard output stays clean. */
  readonly write?: (line: string) => void;
}

const SECRET_NAME = /pass(word|wd|phrase)?$|secret|token$|authori[sz]ation|api[_-]?key|private[_-]?key|credential|cookie|signature/i;
const MAX_DEPTH = 6;
const MAX_ITEMS = 100;
const MAX_CHARS = 4096;

export function createLog(options: LogOptions): Log {
  const plain: DestinationStream = options.write === undefined ? pino.destination({ fd: 2, sync: true }) : { write: options.write };
  const destination: DestinationStream = options.format === 'json' ? plain : { write: (line) => plain.write(textOf(line)) };
  const logger = pino(
    {
      level: options.level,
      base: null,
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
    },
    destination,
  );
  const at = (level: LogLevel) => (fields: Record<string, unknown>, message: string) => {
    if (logger.isLevelEnabled(level)) logger[level](clean(fields, 0) as Record<string, unknown>, oneLine(message));
  };
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
}

/** Control characters of both ranges and line separators: nothing in a log may move a terminal's cursor or forge a line. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: finding control characters is its purpose
const CONTROL = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g;

function oneLine(text: string): string {
  const escaped = text.replace(CONTROL, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`);
  return escaped.length > MAX_CHARS ? `${escaped.slice(0, MAX_CHARS)}…` : escaped;
}

/** A copy that is safe to print: bounded, without cycles, secrets replaced. */
function clean(value: unknown, depth: number): unknown {
  if (typeof value === 'string') return oneLine(value);
  if (typeof value === 'bigint') return value.toString();
  if (typeof value === 'function' || typeof value === 'symbol') return `[${typeof value}]`;
  if (typeof value !== 'object' || value === null) return value;
  if (depth >= MAX_DEPTH) return '[deeper]';
  if (value instanceof Error) return cleanError(value, depth);
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? null : value.toISOString();
  if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`;
  if (Array.isArray(value)) return value.slice(0, MAX_ITEMS).map((item) => clean(item, depth + 1));
  // Secrets print themselves as ***.
  if ('toJSON' in value && typeof value.toJSON === 'function') return clean(value.toJSON(), depth + 1);
  const entries = value instanceof Map ? [...value].map(([k, v]): [string, unknown] => [String(k), v]) : Object.entries(value);
  return Object.fromEntries(entries.slice(0, MAX_ITEMS).map(([key, v]) => [oneLine(key), SECRET_NAME.test(key) && v != null ? '***' : clean(v, depth + 1)]));
}

function cleanError(error: Error, depth: number): Record<string, unknown> {
  const code = 'code' in error && (typeof error.code === 'string' || typeof error.code === 'number') ? { code: error.code } : {};
  const cause = error.cause === undefined ? {} : { cause: clean(error.cause, depth + 1) };
  return { name: error.name, message: oneLine(error.message), ...code, stack: oneLine((error.stack ?? '').replaceAll('\n', ' | ')), ...cause };
}

const NOT_FIELDS = new Set(['level', 'time', 'msg']);

/** `2026-11-22T13:32:07.123Z warn  message  key=value` */
function textOf(line: string): string {
  const entry = JSON.parse(line) as { readonly [key: string]: unknown; readonly time: string; readonly level: string; readonly msg?: string };
  const fields = Object.entries(entry).flatMap(([key, value]) =>
    NOT_FIELDS.has(key) ? [] : [`${key}=${typeof value === 'string' && !/[\s="]/.test(value) ? value : JSON.stringify(value)}`],
  );
  return `${entry.time} ${entry.level.padEnd(5)} ${entry.msg ?? ''}${fields.length === 0 ? '' : `  ${fields.join(' ')}`}\n`;
}
