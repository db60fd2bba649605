import type { Diagnostic, Frame } from './diagnostic.ts';
import type { Catalog } from './drivers.ts';
import type { MapEntry, MapNode, Span, YamlNode } from './tree.ts';

/** Working state of one expansion. */
export interface Expansion {
  readonly frame: Frame;
  readonly catalog: Catalog;
  readonly diagnostics: Diagnostic[];
  /** Balancers written inside groups, to be lifted out. */
  readonly balancers: MapEntry[];
  readonly badTargets: Set<string>;
  readonly root: YamlNode;
}

export const mapOf = (entries: readonly MapEntry[], span: Span): MapNode => ({ kind: 'map', entries, span });
export const textOf = (value: string | number | boolean, span: Span): YamlNode => ({ kind: 'scalar', value, span });
export const made = (key: string, value: YamlNode, keySpan: Span = value.span): MapEntry => ({ key, keySpan, value, made: 'shorthand' });
export const isText = (node: YamlNode | undefined): node is YamlNode & { kind: 'scalar'; value: string } =>
  node?.kind === 'scalar' && typeof node.value === 'string';

export function mapEntries(node: YamlNode | undefined, change: (entry: MapEntry) => MapEntry): YamlNode | undefined {
  return node?.kind === 'map' ? mapOf(node.entries.map(change), node.span) : node;
}
