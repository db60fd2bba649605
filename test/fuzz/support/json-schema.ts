/** As much of JSON Schema as our OpenAPI document uses: judging replies by it, and drawing requests from it. Independent of the schemas it was made from. */
import type { Draw } from './draw.ts';
import { oddText } from './words.ts';

export interface JsonSchema {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly JsonSchema[];
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: JsonSchema | boolean;
  readonly propertyNames?: JsonSchema;
  readonly items?: JsonSchema;
  readonly maxItems?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly pattern?: string;
  readonly format?: string;
}
export type Resolve = (ref: string) => JsonSchema;

const KNOWN = new Set([
  ...['$ref', 'type', 'const', 'enum', 'anyOf', 'properties', 'required', 'additionalProperties', 'propertyNames', 'items', 'maxItems'],
  ...['minimum', 'maximum', 'minLength', 'maxLength', 'pattern', 'format', 'description', 'default', 'examples'],
]);
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/;

function typeOf(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  return typeof value === 'number' && Number.isInteger(value) ? 'integer' : typeof value;
}

function typesOf({ type }: JsonSchema): readonly string[] {
  return type === undefined ? [] : typeof type === 'string' ? [type] : type;
}

/** What is wrong with the value, with its place; null: nothing. */
export function mismatch(value: unknown, schema: JsonSchema, resolve: Resolve, at = '$'): string | null {
  if (schema.$ref !== undefined) return mismatch(value, resolve(schema.$ref), resolve, at);
  for (const keyword of Object.keys(schema)) if (!KNOWN.has(keyword)) return `${at}: the schema uses ${keyword}, which this check does not know`;
  const found = typeOf(value);
  if (schema.anyOf?.every((one) => mismatch(value, one, resolve, at) !== null)) return `${at}: ${found} fits none of ${schema.anyOf.length}`;
  if (schema.const !== undefined && schema.const !== value) return `${at}: is not ${JSON.stringify(schema.const)}`;
  if (schema.enum !== undefined && !schema.enum.includes(value)) return `${at}: ${JSON.stringify(value)} is none of ${JSON.stringify(schema.enum)}`;
  const types = typesOf(schema);
  if (types.length > 0 && !types.includes(found) && !(found === 'integer' && types.includes('number'))) return `${at}: is ${found}, not ${types.join(' or ')}`;
  if (typeof value === 'number') return outOfRange(value, schema) ? `${at}: ${value} is out of range` : null;
  if (typeof value === 'string') return badText(value, schema) ? `${at}: ${JSON.stringify(value.slice(0, 80))} is no such text` : null;
  if (Array.isArray(value)) {
    if (value.length > (schema.maxItems ?? Number.POSITIVE_INFINITY)) return `${at}: has ${value.length} items`;
    for (const [i, item] of value.entries()) {
      const inner = schema.items === undefined ? null : mismatch(item, schema.items, resolve, `${at}[${i}]`);
      if (inner !== null) return inner;
    }
    return null;
  }
  return typeof value === 'object' && value !== null ? badObject(value as Record<string, unknown>, schema, resolve, at) : null;
}

function outOfRange(value: number, { minimum, maximum }: JsonSchema): boolean {
  return value < (minimum ?? value) || value > (maximum ?? value);
}

function badText(value: string, { minLength = 0, maxLength = Number.POSITIVE_INFINITY, pattern, format }: JsonSchema): boolean {
  if (value.length < minLength || value.length > maxLength) return true;
  if (format === 'date-time' && !TIME.test(value)) return true;
  return pattern !== undefined && !new RegExp(pattern).test(value);
}

function badObject(value: Record<string, unknown>, schema: JsonSchema, resolve: Resolve, at: string): string | null {
  for (const key of schema.required ?? []) if (!Object.hasOwn(value, key)) return `${at}: ${key} is missing`;
  for (const [key, inner] of Object.entries(value)) {
    const own = schema.properties !== undefined && Object.hasOwn(schema.properties, key) ? schema.properties[key] : undefined;
    const rest = typeof schema.additionalProperties === 'object' ? schema.additionalProperties : undefined;
    if (own === undefined && schema.additionalProperties === false) return `${at}: ${key} is not in the schema`;
    const judged = own ?? rest;
    const wrong = judged === undefined ? null : mismatch(inner, judged, resolve, `${at}.${key}`);
    if (wrong !== null) return wrong;
  }
  return null;
}

export interface Drawing {
  readonly draw: Draw;
  readonly resolve: Resolve;
  /** A likely text for a field of this name; null: any. */
  word(name: string): string | null;
}

/** A value that fits the schema. */
export function drawValue(schema: JsonSchema, drawing: Drawing, name = ''): unknown {
  const { draw, resolve } = drawing;
  if (schema.$ref !== undefined) return drawValue(resolve(schema.$ref), drawing, name);
  if (schema.const !== undefined) return schema.const;
  if (schema.enum !== undefined) return draw.pick(schema.enum);
  if (schema.anyOf !== undefined) return drawValue(draw.pick(schema.anyOf), drawing, name);
  switch (draw.pick(typesOf(schema))) {
    case 'integer':
    case 'number': {
      const from = schema.minimum ?? 0;
      const to = Math.min(schema.maximum ?? from + 1000, from + (draw.oneIn(6) ? 100_000 : 6));
      return draw.oneIn(12) ? draw.pick([from, schema.maximum ?? to]) : draw.between(from, to);
    }
    case 'boolean':
      return draw.oneIn(2);
    case 'null':
      return null;
    case 'array':
      return draw.list(Math.min(schema.maxItems ?? 3, draw.few(3)), () => drawValue(schema.items ?? {}, drawing, name));
    case 'object':
      return drawObject(schema, drawing);
    default:
      return (
        drawing.word(name) ??
        oddText(draw)
          .toWellFormed()
          .slice(0, schema.maxLength ?? 100)
          .padEnd(schema.minLength ?? 0, 'x')
      );
  }
}

function drawObject(schema: JsonSchema, drawing: Drawing): object {
  const { draw } = drawing;
  const entries = Object.entries(schema.properties ?? {})
    .filter(([key]) => schema.required?.includes(key) || draw.oneIn(2))
    .map(([key, inner]): [string, unknown] => [key, drawValue(inner, drawing, key)]);
  const rest = schema.additionalProperties;
  if (typeof rest === 'object') for (let n = draw.few(3); n > 0; n--) entries.push([drawing.word('metric') ?? 'x', drawValue(rest, drawing)]);
  return Object.fromEntries(entries);
}
