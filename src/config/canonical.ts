import type { Json } from '../core/model/json.ts';

/** JSON with sorted keys: equal values give equal text. */
export function canonical(value: Json): string {
  if (Array.isArray(value)) return `[${value.map((v) => canonical(v as Json)).join(',')}]`;
  if (value !== null && typeof value === 'object') {
    const map = value as { readonly [key: string]: Json };
    const keys = Object.keys(map).sort();
    return `{${keys.map((k) => `${JSON.stringify(k)}:${canonical(map[k] ?? null)}`).join(',')}}`;
  }
  return JSON.stringify(value);
}

/** What survives JSON of a validated value: absent fields are left out. */
export function toJson(value: unknown): Json {
  return value === undefined ? null : (JSON.parse(JSON.stringify(value)) as Json);
}
