/** How text looks in a terminal: display widths, colours, times. */

/** Control characters (tabs and line ends apart) and bidirectional overrides, which could steer the terminal or forge a line. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: finding them is its purpose
const UNSAFE = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g;

/** What came from elsewhere, safe to print. */
export function safe(text: string): string {
  return text.replace(UNSAFE, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** The same for every text of a document. */
export function safeDeep<T>(value: T): T {
  if (typeof value === 'string') return safe(value) as T;
  if (Array.isArray(value)) return value.map(safeDeep) as T;
  if (typeof value === 'object' && value !== null) return Object.fromEntries(Object.entries(value).map(([k, v]) => [safe(k), safeDeep(v)])) as T;
  return value;
}

const WIDE = /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{1faff}\u{20000}-\u{3fffd}]/u;
const NONE = /\p{M}|\p{Cf}/u;

/** Columns a text takes. */
export function widthOf(text: string): number {
  let width = 0;
  for (const c of text) width += NONE.test(c) ? 0 : WIDE.test(c) ? 2 : 1;
  return width;
}

/** Cut to a width, with an ellipsis. */
export function cutTo(text: string, width: number): string {
  if (widthOf(text) <= width) return text;
  let out = '';
  let used = 0;
  for (const c of text) {
    const w = widthOf(c);
    if (used + w > width - 1) break;
    out += c;
    used += w;
  }
  return `${out.trimEnd()}…`;
}

export type Colour = 'red' | 'yellow' | 'green' | 'blue' | 'dim' | 'bold';
const CODES: Readonly<Record<Colour, number>> = { red: 31, yellow: 33, green: 32, blue: 34, dim: 2, bold: 1 };
export type Paint = (colour: Colour, text: string) => string;
export const plainPaint: Paint = (_, text) => text;
export const ansiPaint: Paint = (colour, text) => (text === '' ? text : `\u001b[${CODES[colour]}m${text}\u001b[0m`);

const two = (n: number): string => String(n).padStart(2, '0');

/** Local or UTC, seconds; the day only when it is not today's. `Z` marks UTC. */
export function formatTime(iso: string, utc: boolean, nowMs: number): string {
  const at = new Date(iso);
  const now = new Date(nowMs);
  if (Number.isNaN(at.getTime())) return iso;
  const day = (d: Date): string =>
    utc ? `${d.getUTCFullYear()}-${two(d.getUTCMonth() + 1)}-${two(d.getUTCDate())}` : `${d.getFullYear()}-${two(d.getMonth() + 1)}-${two(d.getDate())}`;
  const time = utc
    ? `${two(at.getUTCHours())}:${two(at.getUTCMinutes())}:${two(at.getUTCSeconds())}Z`
    : `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
  return day(at) === day(now) ? time : `${day(at)} ${time}`;
}
