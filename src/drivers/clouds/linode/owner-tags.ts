/** Whose machine it is, in tags of 3 to 50 characters. Linode gives them back in an order of its own. */
import type { OwnerTags } from '../../../ports/cloud.ts';
import { DriverError } from '../../../ports/errors.ts';
import type { AddressKind } from './options.ts';

const MOST_CHARS = 50;
/** A value this long is a mistake: it would be dozens of tags. */
const MOST_PARTS = 9;
const FIELDS = [
  ['install', 'install'],
  ['group', 'group'],
  ['token', 'token'],
  ['instance', 'instance'],
  ['template', 'templateId'],
] as const satisfies readonly (readonly [string, keyof OwnerTags])[];
const ADDRESSES: readonly AddressKind[] = ['private', 'public', 'ipv6', 'vpc'];
const ADDRESS_TAG = 'drover:address=';

/** `drover:token=…`, a longer value goes on in `drover:token.2=…`. */
function tagsOf(field: string, value: string): string[] {
  const tags: string[] = [];
  // By characters: half of a pair of surrogates is no text.
  let rest = Array.from(value);
  do {
    const name = tags.length === 0 ? `drover:${field}=` : `drover:${field}.${tags.length + 1}=`;
    const room = MOST_CHARS - name.length;
    tags.push(name + rest.slice(0, room).join(''));
    rest = rest.slice(room);
  } while (rest.length > 0);
  if (tags.length > MOST_PARTS) throw new DriverError('bad-request', `the ${field} of an owner tag is too long for Linode's tags`);
  return tags;
}

/** The tags of a create call: whose it is, and which of its addresses counts. */
export function ownerTags(owner: OwnerTags, address: AddressKind): string[] {
  return [...FIELDS.flatMap(([field, key]) => tagsOf(field, owner[key])), `${ADDRESS_TAG}${address}`];
}

/** The tag every machine of this installation has: a list is filtered by it. */
export function installTag(install: string): string {
  return tagsOf('install', install)[0] as string;
}

function joined(tags: readonly string[], field: string): string | null {
  let value: string | null = null;
  for (let part = 1; part <= MOST_PARTS; part++) {
    const name = part === 1 ? `drover:${field}=` : `drover:${field}.${part}=`;
    const tag = tags.find((each) => each.startsWith(name));
    if (tag === undefined) break;
    value = (value ?? '') + tag.slice(name.length);
  }
  return value;
}

/** Null unless every tag is there: a half-told owner must never make a machine ours. */
export function ownerOf(tags: readonly string[]): OwnerTags | null {
  const [install, group, token, instance, templateId] = FIELDS.map(([field]) => joined(tags, field)) as [
    string | null,
    string | null,
    string | null,
    string | null,
    string | null,
  ];
  if (!install || !group || !token || !instance) return null;
  return { install, group, token, instance, templateId: templateId ?? '' };
}

/** Null: it was made by somebody else, or the tag was lost. */
export function addressKindOf(tags: readonly string[]): AddressKind | null {
  const said = tags.find((tag) => tag.startsWith(ADDRESS_TAG))?.slice(ADDRESS_TAG.length);
  return ADDRESSES.find((kind) => kind === said) ?? null;
}
