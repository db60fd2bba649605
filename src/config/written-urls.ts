import type { YamlNode } from './tree.ts';

/** A URL that stands in a configuration, by the host that it names. */
export interface WrittenUrl {
  /** As a browser would read it: `0x7f.1` is `127.0.0.1`. */
  readonly host: string;
  /** The field, e.g. `sources.prom.url`. */
  readonly path: string;
}

/** Every http or https URL of an expanded file, in its order. */
export function writtenUrls(root: YamlNode): readonly WrittenUrl[] {
  const found: WrittenUrl[] = [];
  const look = (node: YamlNode, path: readonly string[]): void => {
    if (node.kind === 'seq') for (const [i, item] of node.items.entries()) look(item, [...path, String(i)]);
    if (node.kind === 'map') for (const { key, value } of node.entries) look(value, [...path, key]);
    if (node.kind !== 'scalar' || typeof node.value !== 'string' || !/^https?:/i.test(node.value)) return;
    const url = URL.parse(node.value);
    if (url !== null) found.push({ host: url.hostname, path: path.join('.') });
  };
  look(root, []);
  return found;
}
