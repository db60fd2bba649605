/** Pieces of alerts from strangers: checked, bounded, never able to reach a prototype. */

/** Alerts read from one message. */
export const MAX_ALERTS = 1000;
const MAX_LABELS = 128;
const MAX_NAME_CHARS = 256;
const MAX_LABEL_CHARS = 4096;
const MAX_ANNOTATIONS = 128;
const MAX_ANNOTATION_CHARS = 4096;

/** Thrown inside a format's parse only, which turns it into `malformed`. */
export class Malformed extends Error {}

export function record(value: unknown, what: string): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Malformed(`${what} is ${kindOf(value)}, not an object`);
  return value as Record<string, unknown>;
}

export function list(value: unknown, what: string): readonly unknown[] {
  if (!Array.isArray(value)) throw new Malformed(`${what} is ${kindOf(value)}, not a list`);
  return value;
}

export function kindOf(value: unknown): string {
  if (value === undefined) return 'missing';
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'a list';
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}

/** Identity of the alert depends on them, so nothing is cut: what is too long or too many is refused. */
export function readLabels(value: unknown, what: string): Readonly<Record<string, string>> {
  const labels: Record<string, string> = Object.create(null);
  const entries = Object.entries(record(value, what));
  if (entries.length > MAX_LABELS) throw new Malformed(`${what} has ${entries.length} labels; at most ${MAX_LABELS} are read`);
  for (const [name, text] of entries) {
    if (typeof text !== 'string') throw new Malformed(`${what} has a label that is ${kindOf(text)}, not text`);
    if (name.length > MAX_NAME_CHARS || text.length > MAX_LABEL_CHARS) {
      throw new Malformed(`${what} has a label longer than ${MAX_NAME_CHARS} (name) or ${MAX_LABEL_CHARS} (value) characters`);
    }
    if (name !== '__proto__') labels[name] = text;
  }
  return labels;
}

/** Text for people only: what is no text is left out, what is too long is cut. */
export function readAnnotations(value: unknown): Readonly<Record<string, string>> {
  const annotations: Record<string, string> = Object.create(null);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return annotations;
  for (const [name, text] of Object.entries(value).slice(0, MAX_ANNOTATIONS)) {
    if (typeof text === 'string' && name !== '__proto__' && name.length <= MAX_NAME_CHARS) annotations[name] = text.slice(0, MAX_ANNOTATION_CHARS);
  }
  return annotations;
}

/** RFC 3339 with any number of decimals, as Unix ms; null when it is no time. */
export function rfc3339Ms(value: unknown): number | null {
  if (typeof value !== 'string' || !/^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(?:\.\d{1,12})?(?:[Zz]|[+-]\d\d:?\d\d)$/.test(value)) return null;
  const ms = Date.parse(value);
  return Number.isNaN(ms) ? null : ms;
}

/** Go's zero time and everything before 1970 mean "no time". */
export function endMs(value: unknown): number | null {
  const ms = rfc3339Ms(value);
  return ms === null || ms <= 0 ? null : ms;
}

/** One of the parts that make an alert's identity: short text. */
export function shortText(value: unknown, what: string): string {
  if (typeof value !== 'string') throw new Malformed(`${what} is ${kindOf(value)}, not text`);
  if (value.length > MAX_NAME_CHARS) throw new Malformed(`${what} is longer than ${MAX_NAME_CHARS} characters`);
  return value;
}

/** Text that is told on and never acted on; null: there is none, or it is too long to be true (cut, an address would lead elsewhere). */
export function spokenText(value: unknown): string | null {
  return typeof value === 'string' && value !== '' && value.length <= MAX_LABEL_CHARS ? value : null;
}
