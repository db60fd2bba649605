/** The label of a machine: unique in the account, so it is what keeps a repeated create from making a second one. */
import type { Secrets } from '../../../ports/secrets.ts';

const HASH_CHARS = 25;
const PREFIX_CHARS = 38;

/** `web-` and 25 characters made from the token alone: the same launch has the same label however often it is tried. */
export function labelOf(name: string, group: string, token: string, secrets: Pick<Secrets, 'sha256'>): string {
  const digits = BigInt(`0x${secrets.sha256(token)}`)
    .toString(36)
    .padStart(HASH_CHARS, '0');
  return `${prefixOf(name, group)}-${digits.slice(-HASH_CHARS)}`;
}

/** The name without what counts it: `web-9b3e` and `web7` give `web`. Letters first, no doubled signs, as Linode wants labels. */
function prefixOf(name: string, group: string): string {
  const rest = name.startsWith(group) ? name.slice(group.length) : null;
  const bare = rest !== null && /^(?:-[a-z0-9]+|\d+)?$/i.test(rest) ? group : name.replace(/(?:-[a-z0-9]+|\d+)$/i, '');
  const clean = bare
    .replace(/[^A-Za-z0-9._-]+/g, '-')
    .replace(/([._-])[._-]+/g, '$1')
    .replace(/^[^A-Za-z]+/, '')
    .slice(0, PREFIX_CHARS)
    .replace(/[._-]+$/, '');
  return clean === '' ? 'drover' : clean;
}
