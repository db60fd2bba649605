import type { Span, YamlNode } from './tree.ts';

/** Where the configuration says that a secret is kept. */
export interface SecretReference {
  readonly ref: { readonly env: string } | { readonly file: string };
  /** The field, e.g. `receivers.am.auth.bearer`. */
  readonly path: string;
  /** Of the name or path itself. */
  readonly span: Span;
}

/** Maps whose keys are anybody's: an `env` with the one variable `file` refers to nothing. */
const FREE_MAPS = new Set(['env', 'headers', 'labels', 'metrics', 'groups', 'templates', 'clouds', 'sources', 'balancers', 'receivers', 'notify']);

/** Every `{ env: NAME }` and `{ file: PATH }` of an expanded file, in its order. */
export function secretReferences(root: YamlNode): readonly SecretReference[] {
  const found: SecretReference[] = [];
  const look = (node: YamlNode, path: readonly string[]): void => {
    if (node.kind === 'seq') for (const [i, item] of node.items.entries()) look(item, [...path, String(i)]);
    if (node.kind !== 'map') return;
    const [entry] = node.entries;
    const free = FREE_MAPS.has(path.at(-1) ?? '');
    if (!free && node.entries.length === 1 && entry?.value.kind === 'scalar' && typeof entry.value.value === 'string') {
      const { value, span } = entry.value;
      if (entry.key === 'env') found.push({ ref: { env: value }, path: path.join('.'), span });
      if (entry.key === 'file') found.push({ ref: { file: value }, path: path.join('.'), span });
    }
    for (const { key, value } of node.entries) look(value, [...path, key]);
  };
  look(root, []);
  return found;
}
