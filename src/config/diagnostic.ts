import { CODES, type ErrorCode } from './codes.ts';
import type { Span } from './tree.ts';

/** One mistake in a configuration, as data: the same for the terminal, editors, the API's 422 body and the dashboard. */
export interface Diagnostic {
  readonly code: ErrorCode;
  readonly severity: 'error' | 'warning';
  /** What is wrong, in one line. */
  readonly message: string;
  readonly file: string;
  /** 1-based; columns count UTF-16 units, as editors do. */
  readonly line: number;
  readonly column: number;
  /** Exclusive; on the same line (a longer span is cut at the end of its first line). */
  readonly endColumn: number;
  /** Stands at the caret. */
  readonly label: string;
  /** The other half of a contradiction. */
  readonly second?: { readonly line: number; readonly column: number; readonly endColumn: number; readonly label: string };
  /** What to do, with something that can be pasted. */
  readonly help: string;
  /** The near name, where there is one. */
  readonly suggestion?: string;
  /** Where more is said, e.g. `drover explain E0104`. */
  readonly docs: string;
}

/** A file's text with its line starts. */
export interface Frame {
  readonly file: string;
  readonly text: string;
  readonly lineStarts: readonly number[];
}

export function frameOf(text: string, file: string): Frame {
  const lineStarts = [0];
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) === 10) lineStarts.push(i + 1);
  return { file, text, lineStarts };
}

/** 1-based line and column of an offset. */
export function positionOf(frame: Frame, offset: number): { line: number; column: number } {
  let low = 0;
  let high = frame.lineStarts.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((frame.lineStarts[middle] ?? 0) <= offset) low = middle;
    else high = middle - 1;
  }
  return { line: low + 1, column: offset - (frame.lineStarts[low] ?? 0) + 1 };
}

/** `drover.yaml:52:18` */
export function placeText(frame: Frame, span: Span): string {
  const { line, column } = positionOf(frame, span.start);
  return `${frame.file}:${line}:${column}`;
}

/** The text of a 1-based line, without its end. */
export function lineText(frame: Frame, line: number): string {
  const start = frame.lineStarts[line - 1] ?? frame.text.length;
  const end = frame.lineStarts[line] ?? frame.text.length + 1;
  return frame.text.slice(start, end - 1).replace(/\r$/, '');
}

function lineSpan(frame: Frame, span: Span): { line: number; column: number; endColumn: number } {
  const { line, column } = positionOf(frame, span.start);
  const length = lineText(frame, line).length;
  const width = Math.max(1, Math.min(span.end - span.start, length - column + 1));
  return { line, column, endColumn: column + width };
}

export interface ProblemParts {
  readonly message: string;
  readonly label: string;
  readonly help: string;
  readonly second?: { readonly span: Span; readonly label: string };
  readonly suggestion?: string;
}

// Texts of the file stand in messages; what steers a terminal must not. Line feeds are ours: in help only.
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not reach a terminal
const STEERING = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g;

function harmless(text: string): string {
  return text.replace(STEERING, '\ufffd');
}

function oneLine(text: string): string {
  return harmless(text).replaceAll('\n', '\ufffd');
}

export function problem(frame: Frame, code: ErrorCode, span: Span, parts: ProblemParts): Diagnostic {
  const { second } = parts;
  return {
    code,
    severity: CODES[code].severity,
    message: oneLine(parts.message),
    file: frame.file,
    ...lineSpan(frame, span),
    label: oneLine(parts.label),
    ...(second === undefined ? {} : { second: { ...lineSpan(frame, second.span), label: oneLine(second.label) } }),
    help: harmless(parts.help),
    ...(parts.suggestion === undefined ? {} : { suggestion: oneLine(parts.suggestion) }),
    docs: `drover explain ${code}`,
  };
}

/** Told at once of each severity: a small file can be made to hold ten thousands, of 300 bytes each. */
const MOST_TOLD = 100;

/** The first hundred errors and warnings; the last one says how many there are beside them. */
export function firstOnes(sorted: readonly Diagnostic[]): readonly Diagnostic[] {
  if (sorted.length <= MOST_TOLD) return sorted;
  const count = { error: 0, warning: 0 };
  const kept = sorted.filter((d) => ++count[d.severity] <= MOST_TOLD);
  const left = sorted.length - kept.length;
  return left === 0 ? kept : kept.map((d, i) => (i === kept.length - 1 ? { ...d, help: `${d.help} (${left} more are not listed)` } : d));
}

/** Errors before warnings is not wanted: in the order of the file, one code per place only once. */
export function inFileOrder(diagnostics: readonly Diagnostic[]): Diagnostic[] {
  const seen = new Set<string>();
  return [...diagnostics]
    .sort((a, b) => a.line - b.line || a.column - b.column || (a.code < b.code ? -1 : a.code > b.code ? 1 : 0))
    .filter((d) => {
      const key = `${d.code}:${d.line}:${d.column}:${d.message}`;
      if (seen.has(key)) return false;
      seen.add(key);
      return true;
    });
}
