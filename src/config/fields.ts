import type { z } from 'zod';
import type { Json } from '../core/model/json.ts';
import { POLICIES, type PolicyTable } from '../core/policies/policies.ts';
import type { ManifestRegistry } from './drivers.ts';
import { fieldIndex, type IndexedField } from './field-index.ts';
import { type FieldKind, kindOf, wanted } from './field-kind.ts';
import { nearest } from './suggest.ts';
import { allowedValues, defaultOf, defOf, isRequired, shapeOf, unwrap } from './walk.ts';

/** What is known of one field, for `drover explain FIELD` and the reference. */
export interface FieldInfo {
  /** As it is written, `*` for a name, `#` for a place in a list: `groups.*.limits.scale_in.after_quiet`. */
  readonly path: string;
  readonly description: string;
  /** In words: `a duration`, `a whole number`, `a list`. */
  readonly type: string;
  readonly required: boolean;
  /** It is one of several forms, each with a field of its own: exactly one of these is written. Empty: there is no such choice. */
  readonly oneOf: readonly string[];
  /** As it would be written; undefined where there is none. */
  readonly default: Json | undefined;
  readonly example: Json | undefined;
  readonly values: readonly (string | number)[];
  /** Fields below it. */
  readonly fields: readonly { readonly name: string; readonly description: string }[];
}

const KIND_WORDS: Readonly<Partial<Record<FieldKind, string>>> = {
  duration: 'a duration (30s, 5m, 1h30m)',
  percent: 'a percentage (60%)',
  step: 'a count, a share or the larger of both (4, 20%, max(1, 20%))',
  change: 'a change (+2, -1, +30%, to 5)',
  money: 'an amount of money (0.0066 EUR/h)',
  budget: 'an amount of money (120 EUR/month), or a list of two',
  threshold: 'a number or a percentage (85%)',
  secret: 'where a secret is kept ({ file: PATH }, { env: NAME } or { secret: NAME })',
};

function infoOf(path: string, schema: z.ZodType, parent: z.ZodType | null): FieldInfo {
  const meta = metaOf(schema);
  const described = (of: z.ZodType): string => {
    const { description } = metaOf(of);
    return typeof description === 'string' ? description : '';
  };
  const examples = meta['examples'];
  const kind = kindOf(schema);
  const fields = Object.entries(shapeOf(itemOf(schema)));
  const fallback = defaultOf(schema);
  return {
    path,
    description: described(schema),
    type: KIND_WORDS[kind] ?? wanted(schema),
    required: isRequired(schema),
    oneOf: parent === null ? [] : alternatives(parent, path.slice(path.lastIndexOf('.') + 1)),
    default: fallback === null ? undefined : fallback,
    example: Array.isArray(examples) ? (examples[0] as Json) : undefined,
    values: allowedValues(schema),
    fields: fields.map(([name, field]) => ({ name, description: described(field) })),
  };
}

/** Description and examples, wherever on the way inwards they were given. */
export function metaOf(schema: z.ZodType): Readonly<Record<string, unknown>> {
  let inner: z.ZodType | undefined = schema;
  for (let i = 0; i < 20 && inner !== undefined; i++) {
    const meta: Readonly<Record<string, unknown>> | undefined = inner.meta();
    if (meta?.['description'] !== undefined) return meta;
    const def = defOf(inner);
    inner = def.innerType ?? (def.type === 'pipe' ? def.in : undefined);
  }
  return {};
}

/** Fields that each make a form of their own of this map, if `key` is one of them and there are others. */
function alternatives(parent: z.ZodType, key: string): readonly string[] {
  const forms = formsOf(itemOf(parent));
  const marks = forms.map((form, i) =>
    Object.keys(form).filter((name) => isRequired(form[name] as z.ZodType) && !forms.some((other, j) => j !== i && Object.hasOwn(other, name))),
  );
  const chosen = marks.filter((names) => names.length > 0);
  return chosen.length > 1 && chosen.some((names) => names.includes(key)) ? chosen.flat() : [];
}

/** Every map that a schema takes, each with its fields. */
function formsOf(schema: z.ZodType): readonly Readonly<Record<string, z.ZodType>>[] {
  const def = defOf(unwrap(schema));
  if (def.options !== undefined) return def.options.flatMap((option) => formsOf(itemOf(option)));
  return def.shape === undefined ? [] : [def.shape];
}

function itemOf(schema: z.ZodType): z.ZodType {
  const def = defOf(unwrap(schema));
  if (def.type === 'array' && def.element !== undefined) return def.element;
  if (def.type === 'record' && def.valueType !== undefined) return def.valueType;
  return schema;
}

/** Options of drivers and policies: `policies.target.per_instance`, `clouds.local.ports`, `template.local.command`. */
function driverSchemas(registry: ManifestRegistry, policies: PolicyTable): Map<string, { readonly schema: z.ZodType; readonly summary: string }> {
  const out = new Map<string, { schema: z.ZodType; summary: string }>();
  const add = (section: string, table: Readonly<Record<string, { readonly summary: string; readonly options: z.ZodType }>>): void => {
    for (const [id, m] of Object.entries(table)) out.set(`${section}.${id}`, { schema: m.options, summary: m.summary });
  };
  add('clouds', registry.clouds);
  add('sources', registry.sources);
  add('balancers', registry.balancers);
  add('receivers', registry.alertFormats);
  add('hooks', registry.hooks);
  add('notify', registry.notifiers);
  add('policies', policies);
  for (const [id, m] of Object.entries(registry.clouds)) out.set(`template.${id}`, { schema: m.template, summary: `One machine of the cloud ${id}.` });
  for (const [id, m] of Object.entries(registry.sources)) out.set(`metrics.${id}`, { schema: m.query, summary: `A query to the source ${id}.` });
  return out;
}

/** Everything that is known of a field. `limits.scale_in.after_quiet`, `groups.web.max` and `policies.target` all do. Null: no such field. */
export function describeField(path: string, registry: ManifestRegistry, policies: PolicyTable = POLICIES): FieldInfo | null {
  const asked = path
    .trim()
    .replaceAll('[', '.')
    .replaceAll(']', '')
    .split('.')
    .filter((p) => p !== '');
  if (asked.length === 0 || asked.length > 20) return null;
  return driverField(asked, driverSchemas(registry, policies)) ?? indexedField(asked);
}

function driverField(asked: readonly string[], schemas: ReturnType<typeof driverSchemas>): FieldInfo | null {
  const [section, id, ...rest] = asked[0] === 'groups' && asked.length > 2 ? asked.slice(2) : asked;
  if (id === '*') {
    for (const name of schemas.keys()) {
      const found = name.startsWith(`${section}.`) ? driverField([...name.split('.'), ...rest], schemas) : null;
      if (found !== null && rest.length > 0) return found;
    }
    return null;
  }
  const known = schemas.get(`${section === 'templates' ? 'template' : section}.${id}`);
  if (known === undefined) return null;
  let schema = known.schema;
  for (const [i, key] of rest.entries()) {
    const next = shapeOf(itemOf(schema))[key];
    if (next === undefined) return null;
    const parent = schema;
    schema = next;
    if (i === rest.length - 1) return infoOf(`${section}.${id}.${rest.join('.')}`, schema, parent);
  }
  const info = infoOf(`${section}.${id}`, schema, null);
  return { ...info, description: info.description === '' ? known.summary : info.description };
}

function indexedField(asked: readonly string[]): FieldInfo | null {
  let best: { field: IndexedField; cost: number } | null = null;
  for (const field of fieldIndex()) {
    const cost = matchCost(field.path, asked);
    if (cost !== null && (best === null || cost < best.cost)) best = { field, cost };
  }
  return best === null ? null : infoOf(best.field.path.join('.'), best.field.schema, parentOf(best.field));
}

/** The field around it; names and places in lists have none of their own. */
function parentOf(field: IndexedField): z.ZodType | null {
  const path = [...field.path.slice(0, -1)];
  while (path.at(-1) === '#' || path.at(-1) === '*') path.pop();
  return fieldIndex().find((f) => f.path.join('.') === path.join('.'))?.schema ?? null;
}

/** Null: another field. Written whole (names in place of `*`) or only its end. */
function matchCost(pattern: readonly string[], asked: readonly string[]): number | null {
  if (pattern.length === asked.length && pattern.every((p, i) => p === asked[i] || p === '*' || p === '#')) return 0;
  const words = pattern.filter((p) => p !== '*' && p !== '#');
  const names = asked.filter((a) => a !== '*' && a !== '#');
  const tail = words.slice(words.length - names.length);
  if (names.length === 0 || names.length > words.length || !names.every((a, i) => a === tail[i])) return null;
  // Fields of groups are what people mean most often.
  return 1 + pattern.length + (pattern[0] === 'groups' ? 0 : 0.5);
}

/** Every path that `describeField` knows, for completion, the reference and suggestions. */
export function fieldPaths(registry: ManifestRegistry, policies: PolicyTable = POLICIES): readonly string[] {
  const own = fieldIndex().map((f) => f.path.join('.'));
  const drivers = [...driverSchemas(registry, policies)].flatMap(([name, { schema }]) => [name, ...Object.keys(shapeOf(schema)).map((k) => `${name}.${k}`)]);
  return [...new Set([...own, ...drivers])];
}

/** The field somebody most likely meant. */
export function suggestField(path: string, registry: ManifestRegistry, policies: PolicyTable = POLICIES): string | null {
  const paths = fieldPaths(registry, policies).map((p) => p.replace(/^groups\.\*\./, ''));
  return (
    nearest(path, paths) ??
    nearest(
      path,
      paths.map((p) => p.split('.').pop() ?? p),
    )
  );
}
