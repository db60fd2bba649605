import type { Span, YamlNode } from './tree.ts';

/** Where the configuration says that a secret is kept. */
export interface SecretReference {
  readonly ref: { readonly env: string } | { readonly file: string } | { readonly secret: string };
  /** The field, e.g. `receivers.am.auth.bearer`. */
  readonly path: string;
  /** Of the name or path itself. */
  readonly span: Span;
}

/** Maps whose keys are anybody's: an `env` with the one variable `file` refers to nothing. */
const FREE_MAPS = new Set([
  'env',
  'headers',
  'labels',
  'metrics',
  'groups',
  'templates',
  'clouds',
  'sources',
  'balancers',
  'receivers',
  'notify',
  'jobs',
  'parameters',
]);

/** Maps with a field `secret` of their own: a text there is a secret in the open, and no name of one. */
const OWN_SECRET = new Set(['hmac', 'sign']);
/** Where the key of the kept secrets is: not read like a secret, and made at its first use. */
const KEY_PLACE = 'server.secrets_key';

/** Every `{ env: NAME }`, `{ file: PATH }` and `{ secret: NAME }` of an expanded file, in its order. */
export function secretReferences(root: YamlNode): readonly SecretReference[] {
  const found: SecretReference[] = [];
  const look = (node: YamlNode, path: readonly string[]): void => {
    if (node.kind === 'seq') for (const [i, item] of node.items.entries()) look(item, [...path, String(i)]);
    if (node.kind !== 'map') return;
    const [entry] = node.entries;
    const own = path.at(-1) ?? '';
    const free = FREE_MAPS.has(own) || path.join('.') === KEY_PLACE;
    if (!free && node.entries.length === 1 && entry?.value.kind === 'scalar' && typeof entry.value.value === 'string') {
      const { value, span } = entry.value;
      if (entry.key === 'env') found.push({ ref: { env: value }, path: path.join('.'), span });
      if (entry.key === 'file') found.push({ ref: { file: value }, path: path.join('.'), span });
      if (entry.key === 'secret' && !OWN_SECRET.has(own)) found.push({ ref: { secret: value }, path: path.join('.'), span });
    }
    for (const { key, value } of node.entries) look(value, [...path, key]);
  };
  look(root, []);
  return found;
}
