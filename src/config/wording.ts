import type { z } from 'zod';
import type { Frame } from './diagnostic.ts';
import type { Span, YamlNode } from './tree.ts';

/** `, for example \`max: 10\`` where the schema has an example. */
export function exampleWords(key: string, schema: z.ZodType): string {
  const meta = schema.meta();
  const example = Array.isArray(meta?.['examples']) ? (meta['examples'][0] as unknown) : undefined;
  if (typeof example !== 'string' && typeof example !== 'number' && typeof example !== 'boolean') return '';
  return `, for example \`${/^\d+$/.test(key) ? '' : `${key}: `}${String(example)}\``;
}

/** The first line of a block, or the node where it is short. */
export function firstLine(node: YamlNode, frame: Frame): Span {
  if (node.kind === 'map' && node.entries[0] !== undefined && node.entries[0].made === undefined) return node.entries[0].keySpan;
  const end = frame.text.indexOf('\n', node.span.start);
  return { start: node.span.start, end: end < 0 ? node.span.end : Math.min(end, node.span.end) };
}

export function shorten(value: unknown): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}

/** Free of control characters, and not too long for a line. */
export function printable(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not reach a terminal
  return shorten(text.replace(/[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g, ' '));
}
