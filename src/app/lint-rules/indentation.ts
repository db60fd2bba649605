/** The slip that breaks most rule files pasted from a page: `- alert:` in one column and its other keys in another. */
import type { Span } from '../../config/tree.ts';

export interface Slip {
  /** The first key that is off. */
  readonly key: string;
  readonly span: Span;
  readonly column: number;
  readonly first: string;
  readonly firstLine: number;
  readonly firstColumn: number;
  /** The line of the dash as it should be. */
  readonly fixed: string;
}

interface Line {
  readonly text: string;
  readonly start: number;
}

const DASHED = /^( *)-( +)([A-Za-z_]\w*)[ ]*:(?=\s|$)/;
const KEYED = /^( *)([A-Za-z_]\w*)[ ]*:(?=\s|$)/;
const MOST = 20;

/** Entries of lists whose keys do not line up. Only such: other mistakes are the parser's to tell. */
export function findMisaligned(text: string): readonly Slip[] {
  const lines = linesOf(text);
  const slips: Slip[] = [];
  for (const [i, line] of lines.entries()) {
    const dash = DASHED.exec(line.text);
    if (dash === null || slips.length >= MOST) continue;
    const [, indent = '', gap = '', first = ''] = dash;
    const firstColumn = indent.length + 1 + gap.length + 1;
    const next = lines.slice(i + 1).find((l) => !/^\s*(#|$)/.test(l.text));
    const key = next === undefined ? null : KEYED.exec(next.text);
    if (next === undefined || key === null) continue;
    const column = (key[1] ?? '').length + 1;
    // At the dash or left of it another map goes on; deeper it would be a value of the first key.
    if (column === firstColumn || column <= indent.length + 1) continue;
    if (column > firstColumn && !hasValue(line.text, dash[0].length)) continue;
    const at = next.start + column - 1;
    const dashColumn = Math.max(0, column - 2 - gap.length);
    slips.push({
      key: key[2] ?? '',
      span: { start: at, end: at + (key[2] ?? '').length },
      column,
      first,
      firstLine: i + 1,
      firstColumn,
      fixed: `${' '.repeat(dashColumn)}${line.text.trimStart()}`,
    });
  }
  return slips;
}

/** A text as it was meant, and by how many columns each of its lines was moved to the right. */
export interface Realigned {
  readonly text: string;
  readonly moved: ReadonlyMap<number, number>;
}

/** With every such dash moved to where its keys say. */
export function realignDashes(text: string, slips: readonly Slip[]): Realigned {
  const lines = text.split('\n');
  for (const slip of slips) lines[slip.firstLine - 1] = slip.fixed;
  return { text: lines.join('\n'), moved: new Map(slips.map((s) => [s.firstLine, s.column - s.firstColumn])) };
}

/** With the keys moved to where their dash says. */
export function realignKeys(text: string, slips: readonly Slip[]): Realigned {
  const lines = text.split('\n');
  const moved = new Map<number, number>();
  for (const slip of slips) {
    const dash = (lines[slip.firstLine - 1] ?? '').search(/\S/);
    const by = slip.firstColumn - slip.column;
    for (let i = slip.firstLine; i < lines.length; i++) {
      const line = lines[i] ?? '';
      const indent = line.search(/\S/);
      if (indent < 0) continue;
      if (indent <= dash) break;
      lines[i] = by > 0 ? ' '.repeat(by) + line : line.slice(Math.min(-by, indent));
      moved.set(i + 1, by);
    }
  }
  return { text: lines.join('\n'), moved };
}

function hasValue(line: string, from: number): boolean {
  return !/^\s*(#|$)/.test(line.slice(from));
}

function linesOf(text: string): readonly Line[] {
  let start = 0;
  return text.split('\n').map((each) => {
    const line = { text: each.replace(/\r$/, ''), start };
    start += each.length + 1;
    return line;
  });
}
