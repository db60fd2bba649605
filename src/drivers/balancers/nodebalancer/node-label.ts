/** Nodes have no tags: whose they are stands in their label, which binds install, name and address. */
import type { Secrets } from '../../../ports/secrets.ts';

const MOST_CHARS = 32;
const HASH_CHARS = 8;

function hashOf(install: string, name: string, address: string, secrets: Pick<Secrets, 'sha256'>): string {
  return secrets.sha256(`${install}\n${name}\n${address}`).slice(0, HASH_CHARS);
}

/** `web-9b3e-1f00c2a7`. `address`: as the API has it, HOST:PORT. */
export function nodeLabel(install: string, instance: string, address: string, secrets: Pick<Secrets, 'sha256'>): string {
  const name = `${instance
    .replace(/[^A-Za-z0-9_.-]+/g, '-')
    .replace(/^[^A-Za-z0-9]+/, '')
    .slice(0, MOST_CHARS - HASH_CHARS - 1)}-`;
  return name + hashOf(install, name, address, secrets);
}

/** Was this node made by us, for this address? Copied labels on other addresses are not ours. */
export function isOurNode(install: string, node: { readonly label: string; readonly address: string }, secrets: Pick<Secrets, 'sha256'>): boolean {
  const name = node.label.slice(0, -HASH_CHARS);
  return name !== '' && node.label.slice(-HASH_CHARS) === hashOf(install, name, node.address, secrets);
}
