import { type Diagnostic, type Frame, frameOf, lineText } from './diagnostic.ts';

export type PaintKind = 'error' | 'warning' | 'frame' | 'strong' | 'second';
/** Colours a part of the text; the default leaves it plain. Meaning never depends on it. */
export type Paint = (kind: PaintKind, text: string) => string;
const plain: Paint = (_, text) => text;

/** Longer source lines are cut around the caret. */
const MAX_WIDTH = 160;

/** One diagnostic with the lines it speaks of and carets under the characters it means. Findings in files of others have codes of their own. */
export function printDiagnostic(d: Omit<Diagnostic, 'code'> & { readonly code: string }, frame: Frame, paint: Paint = plain): string {
  const marks = [{ line: d.line, column: d.column, endColumn: d.endColumn, label: d.label, sign: '^' }];
  if (d.second !== undefined) marks.push({ ...d.second, sign: '-' });
  marks.sort((a, b) => a.line - b.line || (a.sign === '^' ? -1 : 1));
  const width = String(Math.max(...marks.map((m) => m.line))).length;
  const bar = paint('frame', `${' '.repeat(width + 1)}|`);
  const out = [
    `${paint(d.severity, `${d.severity}[${d.code}]`)}${paint('strong', `: ${d.message}`)}`,
    `${paint('frame', '  -->')} ${d.file}:${d.line}:${d.column}`,
    bar,
  ];
  let previous: number | null = null;
  for (const mark of marks) {
    if (mark.line !== previous) {
      if (previous !== null && mark.line > previous + 1) out.push(paint('frame', '...'));
      out.push(`${paint('frame', `${String(mark.line).padStart(width)} |`)} ${cut(lineText(frame, mark.line), mark.column).text}`.trimEnd());
    }
    previous = mark.line;
    const offset = cut(lineText(frame, mark.line), mark.column).offset;
    const indent = ' '.repeat(Math.max(0, mark.column - 1 - offset));
    const length = Math.max(1, Math.min(mark.endColumn - mark.column, MAX_WIDTH));
    out.push(`${bar} ${indent}${paint(mark.sign === '^' ? d.severity : 'second', `${mark.sign.repeat(length)} ${mark.label}`)}`);
  }
  out.push(bar);
  const lead = ' '.repeat(width + 1);
  for (const line of d.help.split('\n').map((text, i) => (i === 0 ? `${paint('frame', '=')} help: ${text}` : `        ${text}`))) out.push(`${lead}${line}`);
  out.push(`${lead}${paint('frame', '=')} docs: ${d.docs}`);
  return out.join('\n');
}

/** All diagnostics of a file, then one line that says what became of it. */
export function printDiagnostics(diagnostics: readonly Diagnostic[], text: string, paint: Paint = plain): string {
  const file = diagnostics[0]?.file ?? '';
  const frame = frameOf(text, file);
  const blocks = diagnostics.map((d) => printDiagnostic(d, frame, paint));
  return [...blocks, tally(diagnostics)].join('\n\n');
}

/** `4 errors in bad.yaml. Nothing was applied.` */
export function tally(diagnostics: readonly Diagnostic[]): string {
  const errors = diagnostics.filter((d) => d.severity === 'error').length;
  const warnings = diagnostics.length - errors;
  const file = diagnostics[0]?.file ?? 'the configuration';
  const count = (n: number, word: string): string => `${n} ${word}${n === 1 ? '' : 's'}`;
  if (errors === 0) return warnings === 0 ? `${file} is valid.` : `${count(warnings, 'warning')} in ${file}. It is valid.`;
  return `${count(errors, 'error')}${warnings > 0 ? ` and ${count(warnings, 'warning')}` : ''} in ${file}. Nothing was applied.`;
}

/** Diagnostic of the Language Server Protocol (0-based positions). */
export interface LspDiagnostic {
  readonly range: {
    readonly start: { readonly line: number; readonly character: number };
    readonly end: { readonly line: number; readonly character: number };
  };
  readonly severity: 1 | 2;
  readonly code: string;
  readonly source: 'drover';
  readonly message: string;
  readonly relatedInformation?: readonly { readonly location: { readonly uri: string; readonly range: LspDiagnostic['range'] }; readonly message: string }[];
}

export function lspOf(d: Diagnostic): LspDiagnostic {
  const range = (p: { line: number; column: number; endColumn: number }): LspDiagnostic['range'] => ({
    start: { line: p.line - 1, character: p.column - 1 },
    end: { line: p.line - 1, character: p.endColumn - 1 },
  });
  return {
    range: range(d),
    severity: d.severity === 'error' ? 1 : 2,
    code: d.code,
    source: 'drover',
    message: `${d.message} (${d.label}). ${d.help}`,
    ...(d.second === undefined ? {} : { relatedInformation: [{ location: { uri: d.file, range: range(d.second) }, message: d.second.label }] }),
  };
}

/** A window of the line around the column, free of control characters (they could steer the terminal). */
function cut(line: string, column: number): { text: string; offset: number } {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not reach a terminal
  const safe = line.replace(/[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g, ' ');
  if (safe.length <= MAX_WIDTH) return { text: safe, offset: 0 };
  const offset = Math.max(0, Math.min(column - 1 - MAX_WIDTH / 2, safe.length - MAX_WIDTH));
  return { text: safe.slice(offset, offset + MAX_WIDTH), offset };
}
