import type { Colour } from './text.ts';
import { cutTo, type Paint, widthOf } from './text.ts';

export interface Column {
  readonly title: string;
  readonly align?: 'left' | 'right';
}

export interface Cell {
  readonly text: string;
  readonly colour?: Colour;
}

export interface TableStyle {
  readonly paint: Paint;
  /** Columns of the terminal; null: do not cut. Only the last column is ever cut. */
  readonly width: number | null;
}

/** Aligned columns, three blanks apart. */
export function formatTable(columns: readonly Column[], rows: readonly (readonly (Cell | string)[])[], style: TableStyle): string[] {
  const body = rows.map((row) => columns.map((_, c): Cell => (typeof row[c] === 'string' ? { text: row[c] } : (row[c] ?? { text: '' }))));
  const head = columns.map((c): Cell => ({ text: c.title, colour: 'dim' }));
  const all = columns.some((c) => c.title !== '') ? [head, ...body] : body;
  const widths = columns.map((_, c) => Math.max(0, ...all.map((row) => widthOf(row[c]?.text ?? ''))));
  const last = columns.length - 1;
  return all.map((row) => {
    let used = 0;
    const cells = row.map((cell, c) => {
      const right = columns[c]?.align === 'right';
      const text = c === last && style.width !== null ? cutTo(cell.text, Math.max(10, style.width - used)) : cell.text;
      const pad = ' '.repeat(Math.max(0, (widths[c] ?? 0) - widthOf(text)));
      used += (widths[c] ?? 0) + GAP.length;
      const painted = cell.colour === undefined ? text : style.paint(cell.colour, text);
      if (right) return `${pad}${painted}`;
      return c === last ? painted : `${painted}${pad}`;
    });
    return cells.join(GAP).trimEnd();
  });
}
const GAP = '   ';

/** One record a line, fields parted by tabs, without a heading: for cut, awk and grep. */
export function plainRows(rows: readonly (readonly (Cell | string)[])[]): string[] {
  return rows.map((row) => row.map((cell) => (typeof cell === 'string' ? cell : cell.text).replace(/[\t\n]+/g, ' ')).join('\t'));
}
