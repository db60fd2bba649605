/** Small pieces of Markdown that every generated page is made of. */

/** Says at the top of every page where it comes from, so that nobody edits it by hand. */
export const head = (title, from) => `# ${title}

<!-- Made by tools/generate-reference.mjs from ${from}. Edit that, then run: node tools/generate-reference.mjs -->
`;

/** A value as it stands in YAML on one line. */
export function written(value) {
  if (typeof value === 'string')
    return /^[A-Za-z0-9./_%+-][A-Za-z0-9 ./_%+()-]*$|^max\(.*\)$/.test(value) && value.trim() === value ? value : JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(written).join(', ')}]`;
  if (value !== null && typeof value === 'object') {
    const entries = Object.entries(value).map(([key, inner]) => `${key}: ${written(inner)}`);
    return entries.length === 0 ? '{}' : `{ ${entries.join(', ')} }`;
  }
  return String(value);
}

/** Code in a line of text or a cell; text with backquotes in it gets a longer fence. */
export function code(text) {
  const fence = text.includes('`') ? '``' : '`';
  const pad = text.startsWith('`') || text.endsWith('`') ? ' ' : '';
  return `${fence}${pad}${text}${pad}${fence}`;
}

const cell = (text) => text.replaceAll('|', '\\|').replaceAll('\n', ' ').trim();

export function table(columns, rows) {
  const line = (cells) => `| ${cells.map(cell).join(' | ')} |`;
  return [line(columns), line(columns.map(() => '---')), ...rows.map(line)].join('\n');
}

/** The same with columns of one width, as the formatter wants it in pages that people edit. */
export function alignedTable(columns, rows) {
  const all = [columns, ...rows].map((row) => row.map(cell));
  const widths = columns.map((_, c) => Math.max(3, ...all.map((row) => row[c].length)));
  const line = (cells, fill = ' ') => `| ${cells.map((text, c) => text.padEnd(widths[c], fill)).join(' | ')} |`;
  const [head, ...body] = all;
  return [
    line(head),
    line(
      columns.map(() => ''),
      '-',
    ),
    ...body.map((row) => line(row)),
  ].join('\n');
}

/** `a`, `b` or `c`. */
export function listed(values, word = 'or') {
  const items = values.map((value) => code(String(value)));
  return items.length < 2 ? items.join('') : `${items.slice(0, -1).join(', ')} ${word} ${items.at(-1)}`;
}

/** Pages end with one line feed and have no two empty lines in a row. */
export const page = (...parts) =>
  `${parts
    .filter((part) => part !== '')
    .join('\n\n')
    .replace(/\n{3,}/g, '\n\n')
    .trim()}\n`;

/** Whether a field has to be written. */
export function demanded(info) {
  if (!info.required) return '';
  return info.oneOf.length > 0 ? `**one of** ${info.oneOf.map(code).join(', ')}` : '**required**';
}
