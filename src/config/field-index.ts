import type { z } from 'zod';
import { describePlace, dotted } from './describe-place.ts';
import { fileSchema } from './schema/file.ts';
import type { Path } from './tree.ts';
import { defOf, shapeOf, unwrap } from './walk.ts';

/** A field of the format: `*` stands for a name, `#` for a place in a list. */
export interface IndexedField {
  readonly path: readonly string[];
  readonly schema: z.ZodType;
}

let index: readonly IndexedField[] | null = null;

/** Every field that the format itself declares (those of drivers and policies apart). */
export function fieldIndex(): readonly IndexedField[] {
  if (index !== null) return index;
  const found: IndexedField[] = [];
  collect(fileSchema, [], found, 0);
  index = found;
  return found;
}

function collect(schema: z.ZodType, path: readonly string[], out: IndexedField[], depth: number): void {
  if (depth > 12) return;
  const inner = unwrap(schema);
  const def = defOf(inner);
  if (def.type === 'union') {
    // Short forms repeat the long form's fields: the first option is the long one.
    for (const option of def.options ?? []) collect(option, path, out, depth + 1);
    return;
  }
  if (def.type === 'record' && def.valueType !== undefined) collect(def.valueType, [...path, '*'], out, depth + 1);
  if (def.type === 'array' && def.element !== undefined) collect(def.element, [...path, '#'], out, depth + 1);
  if (def.type !== 'object') return;
  for (const [key, field] of Object.entries(shapeOf(inner))) {
    const here = [...path, key];
    if (!out.some((f) => f.path.length === here.length && f.path.every((p, i) => p === here[i]))) out.push({ path: here, schema: field });
    collect(field, here, out, depth + 1);
  }
}

export interface Elsewhere {
  /** The map it belongs to, in words. */
  readonly place: string;
  /** For a field that belongs deeper: the path to write it under. */
  readonly under: string;
  /** It belongs to a map around this one. */
  readonly up: boolean;
  /** It belongs into a map close around this one: surely an indentation slip, whatever it resembles here. */
  readonly sure: boolean;
}

/** Where a field of this name belongs, if not into the map at `parent`: around it or below it. */
export function fieldsNamed(key: string, parent: Path): Elsewhere | null {
  const places = fieldIndex().filter((f) => f.path[f.path.length - 1] === key);
  const here = parent.map((p) => (typeof p === 'number' ? '#' : p));
  let best: { field: IndexedField; common: number } | null = null;
  for (const field of places) {
    const owner = field.path.slice(0, -1);
    const common = commonLength(owner, here);
    const around = common === owner.length && owner.length < here.length;
    const below = common === here.length && owner.length > here.length && !owner.slice(here.length).some((p) => p === '*' || p === '#');
    if (!around && !below) continue;
    if (best === null || common > best.common || (common === best.common && field.path.length < best.field.path.length)) best = { field, common };
  }
  if (best === null) return null;
  const owner = best.field.path.slice(0, -1);
  const up = owner.length < here.length;
  const real: Path = owner.map((p, i) => (i < parent.length ? (parent[i] ?? p) : p));
  return { place: describePlace(real, () => null), under: dotted(owner.slice(here.length)), up, sure: up && here.length - owner.length <= 2 };
}

function commonLength(pattern: readonly string[], path: readonly string[]): number {
  let i = 0;
  while (i < pattern.length && i < path.length && (pattern[i] === path[i] || pattern[i] === '*' || pattern[i] === '#')) i++;
  return i;
}
