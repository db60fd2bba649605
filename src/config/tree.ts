/** A YAML file as plain data that still knows where every key and value stands. */

/** Offsets into the text, end exclusive. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

export interface ScalarNode {
  readonly kind: 'scalar';
  readonly value: string | number | boolean | null;
  readonly span: Span;
}
export interface MapEntry {
  readonly key: string;
  readonly keySpan: Span;
  readonly value: YamlNode;
  /** Not in the file: a default nobody wrote, or the long form of a shorthand (its spans are the shorthand's). */
  readonly made?: 'default' | 'shorthand';
}
export interface MapNode {
  readonly kind: 'map';
  readonly entries: readonly MapEntry[];
  readonly span: Span;
}
export interface SeqNode {
  readonly kind: 'seq';
  readonly items: readonly YamlNode[];
  readonly span: Span;
}
export type YamlNode = ScalarNode | MapNode | SeqNode;
export type Path = readonly (string | number)[];
/** Any value YAML's core schema can hold. */
export type Plain = null | boolean | number | string | Plain[] | { [key: string]: Plain };

export function toPlain(node: YamlNode): Plain {
  if (node.kind === 'scalar') return node.value;
  if (node.kind === 'seq') return node.items.map(toPlain);
  const out: { [key: string]: Plain } = {};
  for (const entry of node.entries) out[entry.key] = toPlain(entry.value);
  return out;
}

/** Keys of large maps, so that looking at each key of one does not cost its square. */
const indexes = new WeakMap<MapNode, ReadonlyMap<string, MapEntry>>();
const SMALL = 30;

function find(node: MapNode, key: string): MapEntry | undefined {
  if (node.entries.length <= SMALL) return node.entries.find((e) => e.key === key);
  let index = indexes.get(node);
  if (index === undefined) {
    index = new Map(node.entries.map((e) => [e.key, e]));
    indexes.set(node, index);
  }
  return index.get(key);
}

export function child(node: YamlNode | undefined, key: string | number): YamlNode | undefined {
  if (node?.kind === 'seq' && typeof key === 'number') return node.items[key];
  if (node?.kind === 'map') return find(node, String(key))?.value;
  return undefined;
}

export function entryOf(node: YamlNode | undefined, key: string): MapEntry | undefined {
  return node?.kind === 'map' ? find(node, key) : undefined;
}

export function nodeAt(root: YamlNode, path: Path): YamlNode | undefined {
  let node: YamlNode | undefined = root;
  for (const key of path) node = child(node, key);
  return node;
}

export interface Place {
  /** The node itself, when it was written. */
  readonly node: YamlNode | undefined;
  /** Its value, or the nearest written ancestor's. */
  readonly valueSpan: Span;
  /** Its key, or the nearest written ancestor's; null at the root and inside lists. */
  readonly keySpan: Span | null;
  /** How much of the path was written. */
  readonly depth: number;
}

/** Where a path stands in the file; a path that was not written stands at its nearest written ancestor. */
export function placeOf(root: YamlNode, path: Path): Place {
  let node: YamlNode = root;
  let keySpan: Span | null = null;
  let depth = 0;
  for (const key of path) {
    const entry = typeof key === 'string' ? entryOf(node, key) : undefined;
    const next = entry?.value ?? child(node, key);
    if (next === undefined) return { node: undefined, valueSpan: node.span, keySpan, depth };
    keySpan = entry?.keySpan ?? keySpan;
    node = next;
    depth++;
  }
  return { node, valueSpan: node.span, keySpan, depth };
}
