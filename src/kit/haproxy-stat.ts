/** `show stat` and `;csv`: columns are named in the first line and only ever appended to, so they are taken by name. */
import { DriverError } from '../ports/errors.ts';
import { excerpt } from './redact.ts';

export type StatRow = Readonly<Record<string, string>>;

/** Parses the CSV. Throws bad-reply when it is not HAProxy's, or cut off. */
export function parseStat(text: string): StatRow[] {
  if (!text.startsWith('# pxname,svname,')) {
    throw new DriverError('bad-reply', `this is not HAProxy's statistics in CSV: it begins with "${excerpt(text, [], 60)}"`);
  }
  const [header, ...lines] = splitCsv(text.slice(2));
  const names = header ?? [];
  return lines.map((fields) => {
    if (fields.length !== names.length) {
      throw new DriverError('bad-reply', `a line of HAProxy's statistics has ${fields.length} columns instead of ${names.length}; the answer is cut off`);
    }
    const row: Record<string, string> = Object.create(null);
    for (const [i, name] of names.entries()) if (name !== '') row[name] = fields[i] ?? '';
    return row;
  });
}

/** A number of a row; null where the column is empty, absent or not a number of at least 0: nothing that is counted or timed is less. */
export function statNumber(row: StatRow, name: string): number | null {
  const text = row[name];
  if (text === undefined || !/^\d{1,20}(\.\d{1,20})?$/.test(text)) return null;
  return Number(text);
}

/** Lines of comma-separated fields; a field may stand in quotes, with quotes in it doubled. Empty lines are left out. */
function splitCsv(text: string): string[][] {
  const lines: string[][] = [];
  let fields: string[] = [];
  let field = '';
  let quoted = false;
  const endLine = () => {
    if (fields.length > 0 || field !== '') lines.push([...fields, field]);
    fields = [];
    field = '';
  };
  for (let i = 0; i < text.length; i++) {
    const c = text[i] as string;
    if (quoted) {
      if (c !== '"') field += c;
      else if (text[i + 1] === '"') field += text[++i];
      else quoted = false;
    } else if (c === '"') quoted = true;
    else if (c === ',') {
      fields.push(field);
      field = '';
    } else if (c === '\n') endLine();
    else if (c !== '\r') field += c;
  }
  endLine();
  return lines;
}
