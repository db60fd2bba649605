/** One file of Prometheus, Alertmanager or am-executor, as a tree that knows its places; and what to say when it does not parse. */
import type { Frame } from '../../config/diagnostic.ts';
import { frameOf } from '../../config/diagnostic.ts';
import { readYaml } from '../../config/read.ts';
import { child, type MapNode, type Span, type YamlNode } from '../../config/tree.ts';
import { promDurationMs } from '../../drivers/sources/prometheus/promql-tree.ts';
import { findingAt, type RuleFinding } from './finding.ts';
import { findMisaligned, type Realigned, realignDashes, realignKeys, type Slip } from './indentation.ts';

export interface ForeignText {
  /** As people call it. */
  readonly shown: string;
  readonly text: string;
}

export interface ForeignFile {
  readonly shown: string;
  /** Null: it cannot be read as a map. */
  readonly root: MapNode | null;
  readonly frame: Frame;
  readonly findings: readonly RuleFinding[];
  /** Lines that were moved to be read, and by how many columns to the right. */
  readonly moved: ReadonlyMap<number, number>;
}

const UNMOVED: ReadonlyMap<number, number> = new Map();

/** Reads a file; one whose lists are only indented wrongly is told so, and read as it was meant. */
export function readForeign({ shown, text }: ForeignText, needs: string): ForeignFile {
  const read = readYaml(text, shown);
  if (read.root?.kind === 'map' && read.diagnostics.every((d) => d.severity !== 'error'))
    return { shown, root: read.root, frame: read.frame, findings: [], moved: UNMOVED };
  const slips = read.diagnostics[0]?.code === 'E0001' ? findMisaligned(text) : [];
  if (slips.length === 0) return { shown, root: null, frame: read.frame, findings: [unreadable(shown, read, needs)], moved: UNMOVED };
  const dashes = mendedWith(shown, realignDashes(text, slips));
  const mended = dashes ?? mendedWith(shown, realignKeys(text, slips));
  const frame = frameOf(text, shown);
  const findings = slips.map((slip) => misaligned(shown, frame, slip, dashes !== null));
  // Only blanks before what is written were changed: every line keeps its number.
  return mended === null ? { shown, root: null, frame, findings, moved: UNMOVED } : { shown, ...mended, findings };
}

function mendedWith(shown: string, { text, moved }: Realigned): Pick<ForeignFile, 'root' | 'frame' | 'moved'> | null {
  const { root, frame, diagnostics } = readYaml(text, shown);
  return root?.kind === 'map' && diagnostics.every((d) => d.severity !== 'error') ? { root, frame, moved } : null;
}

function misaligned(shown: string, frame: Frame, slip: Slip, byDash: boolean): RuleFinding {
  const { key, first, column, firstLine, firstColumn, span, fixed } = slip;
  return findingAt(frame, 'unreadable', span, {
    severity: 'error',
    message: `${shown} does not parse: \`${key}\` does not line up with \`${first}\``,
    label: `starts in column ${column}, \`${first}\` on line ${firstLine} in column ${firstColumn}`,
    fix: `the keys of one entry start in the same column; ${byDash ? `line ${firstLine} should be:\n${fixed}` : `those below line ${firstLine} should start in column ${firstColumn}`}`,
  });
}

function unreadable(shown: string, read: ReturnType<typeof readYaml>, needs: string): RuleFinding {
  const [first] = read.diagnostics;
  const whole = { start: 0, end: 1 };
  if (first === undefined || first.code === 'E0006') {
    const message = first === undefined ? `${shown} is not a map` : `${shown} is empty`;
    return findingAt(read.frame, 'unreadable', whole, {
      severity: 'error',
      message,
      label: `begins with \`${needs}:\``,
      fix: `such a file begins with \`${needs}:\``,
    });
  }
  // Merge keys, tags and sheer size are no mistakes there; we only cannot look inside.
  const severity = first.code === 'E0003' || first.code === 'E0004' ? 'warning' : 'error';
  const said = severity === 'error' ? `${shown} does not parse: ${first.message}` : `${shown} is not looked at: ${first.message}`;
  return {
    ...findingAt(read.frame, 'unreadable', whole, { severity, message: said, label: first.label, fix: first.help }),
    line: first.line,
    column: first.column,
    endColumn: first.endColumn,
  };
}

// ── parts of a tree ──

export function textOf(node: YamlNode | undefined): string | null {
  if (node?.kind !== 'scalar' || node.value === null) return null;
  return String(node.value);
}

export function textAt(node: YamlNode | undefined, key: string): string | null {
  return textOf(child(node, key));
}

export function itemsOf(node: YamlNode | undefined): readonly YamlNode[] {
  return node?.kind === 'seq' ? node.items : [];
}

export function entriesOf(node: YamlNode | undefined): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  if (node?.kind === 'map') for (const { key, value } of node.entries) found.set(key, textOf(value) ?? '');
  return found;
}

/** A duration in ms with where it stands; null: not written, or not one. */
export function durationAt(node: YamlNode | undefined, key: string): { readonly ms: number; readonly span: Span } | null {
  const value = child(node, key);
  const text = textOf(value);
  const ms = text === null ? null : promDurationMs(text);
  return value === undefined || ms === null ? null : { ms, span: value.span };
}

/** Where a part of a text in YAML stands: exactly for a plain one on one line, else its first line. */
export function spanWithin(frame: Frame, node: YamlNode, from = 0, to: number | null = null): Span {
  const { start, end } = node.span;
  const raw = frame.text.slice(start, end);
  const text = textOf(node) ?? '';
  if (raw.startsWith(text) && text !== '') return { start: start + from, end: start + (to ?? text.length) };
  if (/^["']/.test(raw) && raw.slice(1).startsWith(text)) return { start: start + 1 + from, end: start + 1 + (to ?? text.length) };
  const block = /^[|>][^\n]*\n\s*/.exec(raw);
  const first = start + (block?.[0].length ?? 0);
  const lineEnd = frame.text.indexOf('\n', first);
  return { start: first, end: Math.min(end, lineEnd < 0 ? end : lineEnd) };
}
