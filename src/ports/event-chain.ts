import type { Json } from '../core/model/json.ts';
import type { EventRow } from './store.ts';

/** Hash before the first event. */
export const GENESIS_HASH = '0'.repeat(64);

/** JSON with sorted keys and no spaces: the same value gives the same text. Absent and undefined are the same. */
export function canonicalJson(value: Json): string {
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map((item) => canonicalJson(item ?? null)).join(',')}]`;
  const object = value as { readonly [key: string]: Json | undefined };
  const parts: string[] = [];
  for (const key of Object.keys(object).sort()) {
    const item = object[key];
    if (item !== undefined) parts.push(`${JSON.stringify(key)}:${canonicalJson(item)}`);
  }
  return `{${parts.join(',')}}`;
}

/**
 * The text whose SHA-256 (hex) is the hash of an event: previous hash, then the event as a JSON array.
 * Anyone with the exported events can check the chain: `sha256(previous + "[seq,atMs,group,type,actor,data]")`.
 * `dataText` is the canonical JSON of `data`.
 */
export function chainText(previousHash: string, event: Pick<EventRow, 'seq' | 'atMs' | 'group' | 'type' | 'actor'>, dataText: string): string {
  const { seq, atMs, group, type, actor } = event;
  return `${previousHash}[${seq},${atMs},${JSON.stringify(group)},${JSON.stringify(type)},${JSON.stringify(actor)},${dataText}]`;
}

/** Text that survives UTF-8: half of a surrogate pair, which JSON can smuggle in, would be stored as another character than was hashed. */
export function wellFormed<E extends Pick<EventRow, 'group' | 'type' | 'actor'>>(event: E): E {
  return { ...event, group: event.group?.toWellFormed() ?? null, type: event.type.toWellFormed(), actor: event.actor.toWellFormed() };
}
