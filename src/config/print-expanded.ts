import { stringify } from 'yaml';
import type { Json } from '../core/model/json.ts';
import { type MapEntry, type Plain, toPlain, type YamlNode } from './tree.ts';

/** The long form as YAML, `# default` beside each value nobody wrote. */
export function printExpanded(root: YamlNode): string {
  const lines: string[] = [];
  if (root.kind === 'map') for (const entry of root.entries) emitEntry(entry, 0, false, lines);
  return `${lines.join('\n')}\n`;
}

/** The long form as JSON, and the dotted paths of the values that are defaults. */
export function expandedJson(root: YamlNode): { readonly value: Json; readonly defaults: readonly string[] } {
  const defaults: string[] = [];
  const collect = (node: YamlNode, path: string, byDefault: boolean): void => {
    if (node.kind === 'map' && node.entries.length > 0)
      for (const e of node.entries) collect(e.value, path === '' ? e.key : `${path}.${e.key}`, byDefault || e.made === 'default');
    else if (node.kind === 'seq' && node.items.length > 0 && !byDefault) for (const [i, item] of node.items.entries()) collect(item, `${path}.${i}`, false);
    else if (byDefault) defaults.push(path);
  };
  collect(root, '', false);
  return { value: toPlain(root) as Json, defaults };
}

function emitEntry(entry: MapEntry, depth: number, byDefault: boolean, out: string[]): void {
  const { value } = entry;
  const implied = byDefault || entry.made === 'default';
  const lead = `${'  '.repeat(depth)}${scalar(entry.key)}:`;
  const mark = implied ? '  # default' : '';
  if (isShort(value)) {
    out.push(`${lead} ${flow(value)}${mark}`);
  } else if (value.kind === 'map') {
    out.push(lead);
    for (const child of value.entries) emitEntry(child, depth + 1, implied, out);
  } else if (value.kind === 'seq') {
    out.push(lead);
    for (const item of value.items) emitItem(item, depth + 1, implied, out);
  }
}

function emitItem(item: YamlNode, depth: number, byDefault: boolean, out: string[]): void {
  if (item.kind !== 'map' || item.entries.length === 0) {
    out.push(`${'  '.repeat(depth)}- ${flow(item)}${byDefault ? '  # default' : ''}`);
    return;
  }
  const lines: string[] = [];
  for (const entry of item.entries) emitEntry(entry, depth + 1, byDefault, lines);
  const [first, ...rest] = lines;
  out.push(`${'  '.repeat(depth)}- ${(first ?? '').trimStart()}`, ...rest);
}

/** Fits on one line: a scalar, an empty map or list, or a list of scalars. */
function isShort(node: YamlNode): boolean {
  if (node.kind === 'scalar') return true;
  if (node.kind === 'map') return node.entries.length === 0;
  return node.items.every((i) => i.kind === 'scalar');
}

function flow(node: YamlNode): string {
  if (node.kind === 'scalar') return scalar(node.value);
  if (node.kind === 'map') return `{ ${node.entries.map((e) => `${scalar(e.key)}: ${flow(e.value)}`).join(', ')} }`.replace('{  }', '{}');
  return `[${node.items.map((i) => (i.kind === 'scalar' ? inFlow(i.value) : flow(i))).join(', ')}]`;
}

/** Inside brackets, a comma or bracket in a text needs quotes. */
function inFlow(value: Plain): string {
  const text = scalar(value);
  return typeof value === 'string' && /[,[\]{}]/.test(text) && !/^["']/.test(text) ? JSON.stringify(value) : text;
}

// Read back plainly they would be gone, or another character.
// biome-ignore lint/suspicious/noControlCharactersInRegex: that is what needs quotes
const UNSEEN = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\ufeff]/;

/** On one line: longer texts become a quoted text. */
function scalar(value: Plain): string {
  if (typeof value === 'string' && UNSEEN.test(value)) return JSON.stringify(value);
  const text = stringify(value, { lineWidth: 0 }).trimEnd();
  return text.includes('\n') ? JSON.stringify(value) : text;
}
