import { z } from 'zod';
import type { Json, JsonObject } from '../core/model/json.ts';
import { POLICIES, type PolicyTable } from '../core/policies/policies.ts';
import { HOOK_KEYS, TEMPLATE_KEYS } from './check-drivers.ts';
import type { ManifestRegistry } from './drivers.ts';
import { fileSchema } from './schema/file.ts';
import { shareSchemas } from './share-schemas.ts';

type Node = { [key: string]: Json };

/** One schema as draft-07, as it is written in a file. */
export function schemaOf(schema: z.ZodType): Node {
  const { $schema: _, definitions: __, ...rest } = z.toJSONSchema(schema, { target: 'draft-7', io: 'input', unrepresentable: 'any', reused: 'inline' }) as Node;
  return withoutReferences(rest) as Node;
}

/** A schema that contains itself (any JSON) becomes "anything": pieces are put into other schemas, where its references would dangle. */
function withoutReferences(node: Json): Json {
  if (Array.isArray(node)) return node.map(withoutReferences);
  if (node === null || typeof node !== 'object') return node;
  const entries = Object.entries(node as Node);
  if (entries.some(([key]) => key === '$ref')) return Object.fromEntries(entries.filter(([key]) => key === 'description'));
  return Object.fromEntries(entries.map(([key, value]) => [key, withoutReferences(value)]));
}

/** The whole format for editors: draft-07, with the options of every driver and policy given. */
export function jsonSchema(registry: ManifestRegistry, policies: PolicyTable = POLICIES): JsonObject {
  const root = schemaOf(fileSchema);
  const section = (name: string): Node => at(root, 'properties', name);
  setNamed(section('clouds'), 'type', registry.clouds, ['type']);
  setNamed(section('sources'), 'type', registry.sources, ['type']);
  setNamed(section('balancers'), 'type', registry.balancers, ['type']);
  setNamed(section('receivers'), 'format', registry.alertFormats, ['format', 'listen', 'auth']);
  setNamed(section('notify'), 'type', registry.notifiers, ['type', 'at_once', 'digest'], true);
  const ofTemplate = base(at(section('templates'), 'additionalProperties'), TEMPLATE_KEYS);
  const templates = Object.values(registry.clouds).flatMap((c) => variants(ofTemplate, schemaOf(c.template)));
  section('templates')['additionalProperties'] = { anyOf: templates };
  const group = at(section('groups'), 'additionalProperties');
  const inGroup = (name: string): Node => at(group, 'properties', name);
  setForms(inGroup('template'), [{ type: 'string', description: 'Name of a template under `templates`.' }, ...templates]);
  setForms(inGroup('balancer'), balancerForms(inGroup('balancer'), registry));
  setMetrics(inGroup('metrics'), registry);
  setTarget(inGroup('target'), registry);
  setPolicies(inGroup('policies'), policies);
  setHooks(inGroup('hooks'), registry);
  return { $schema: 'http://json-schema.org/draft-07/schema#', title: 'Drover configuration', ...shareSchemas(root) };
}

function at(node: Node, ...keys: readonly string[]): Node {
  let found: Json | undefined = node;
  for (const key of keys) {
    found = found !== null && typeof found === 'object' && !Array.isArray(found) ? (found as Node)[key] : undefined;
  }
  if (found === undefined || found === null || typeof found !== 'object') throw new RangeError(`no ${keys.join('.')} in the schema`);
  return found as Node;
}

/** Only these properties of a map. */
function base(schema: Node, keys: readonly string[]): Node {
  const long = Array.isArray(schema['anyOf']) ? (schema['anyOf'][0] as Node) : schema;
  const properties = (long['properties'] ?? {}) as Node;
  return Object.fromEntries(keys.flatMap((k) => (properties[k] === undefined ? [] : [[k, properties[k]]])));
}

/** Options that are a choice of maps give one form each. */
function variants(common: Node, options: Node): Node[] {
  const choices = (options['anyOf'] ?? options['oneOf']) as Node[] | undefined;
  const maps = choices?.filter((c) => c['type'] === 'object') ?? [];
  return (maps.length > 0 ? maps : [options]).map((map) => beside(common, map));
}

/** A map with the common keys and the options of one driver. */
function beside(common: Node, map: Node): Node {
  const optionProperties = (map['properties'] ?? {}) as Node;
  return {
    type: 'object',
    properties: { ...optionProperties, ...common },
    ...(Array.isArray(map['required']) && map['required'].length > 0 ? { required: map['required'] } : {}),
    additionalProperties: map['propertyNames'] === undefined ? false : (map['additionalProperties'] ?? {}),
  };
}

function withConst(form: Node, key: string, id: string, description: string, required: boolean): Node {
  const properties = form['properties'] as Node;
  const needed = [...((form['required'] as string[] | undefined) ?? []), ...(required ? [key] : [])];
  return { ...form, description, properties: { ...properties, [key]: { const: id } }, ...(needed.length > 0 ? { required: needed } : {}) };
}

type Manifests = Readonly<Record<string, { readonly id: string; readonly summary: string; readonly options: z.ZodType }>>;

/** Named drivers: the driver is said by `type`, by the name, or (`keyed`) by a key. */
function setNamed(section: Node, key: string, manifests: Manifests, own: readonly string[], keyed = false): void {
  const common = base(at(section, 'additionalProperties'), own);
  const forms = Object.values(manifests).flatMap((m) => variants(common, schemaOf(m.options)).map((form) => ({ m, form })));
  const byKey = keyed ? Object.values(manifests).map((m) => keyForm(m.id, m.summary, schemaOf(m.options), common)) : [];
  const typed = forms.map(({ m, form }) => withConst(form, key, m.id, m.summary, true));
  section['additionalProperties'] = { anyOf: [...typed, ...byKey] };
  section['properties'] = Object.fromEntries(
    forms.map(({ m, form }) => [
      m.id,
      { anyOf: [withConst(form, key, m.id, m.summary, false), ...typed.filter((t) => at(t, 'properties', key)['const'] !== m.id)] },
    ]),
  );
}

/** `{ slack: { … } }` or `{ haproxy: SOCKET, backend: web }`: what the key holds is a map of options, or the first of them. */
function keyForm(id: string, summary: string, options: Node, common: Node): Node {
  const [full = {}] = variants(common, options);
  const properties = full['properties'] as Node;
  const first = Object.keys((variants({}, options)[0]?.['properties'] ?? {}) as Node)[0];
  const { required: _, ...rest } = full;
  const nested = variants({}, options).map(({ required: __, ...loose }) => loose);
  const values = [...nested, ...(first === undefined ? [] : [properties[first] as Node])];
  return { ...rest, description: summary, properties: { ...properties, [id]: { anyOf: values } }, required: [id] };
}

/** Replaces the forms of a field, keeping its description and examples. */
function setForms(field: Node, forms: readonly Node[]): void {
  for (const key of ['type', 'properties', 'required', 'additionalProperties', 'items']) delete field[key];
  field['anyOf'] = [...forms];
}

function balancerForms(field: Node, registry: ManifestRegistry): Node[] {
  const list = (field['anyOf'] as Node[])[0] ?? {};
  const use = at(list, 'items');
  const binding = base(use, ['port', 'weight']);
  const inline = Object.values(registry.balancers).map((b) => keyForm(b.id, b.summary, schemaOf(b.options), binding));
  const one: Node[] = [{ type: 'string', description: 'Name of a balancer under `balancers`.' }, use, ...inline];
  return [...one, { type: 'array', items: { anyOf: one } }];
}

function setMetrics(field: Node, registry: ManifestRegistry): void {
  const metric = at(field, 'additionalProperties');
  const long = (metric['anyOf'] as Node[])[0] ?? {};
  const common = (long['properties'] ?? {}) as Node;
  const forms = Object.values(registry.sources).flatMap((s) => variants(common, schemaOf(s.query)));
  field['additionalProperties'] = { anyOf: [{ type: 'string', description: 'A query to the source named `default`.' }, ...forms] };
}

/** Beside the keys of `target`, fields of any source's query. */
function setTarget(field: Node, registry: ManifestRegistry): void {
  const queries = Object.values(registry.sources).flatMap((s) => variants({}, schemaOf(s.query)).map((v) => (v['properties'] ?? {}) as Node));
  field['properties'] = { ...Object.assign({}, ...queries), ...(field['properties'] as Node) } as Node;
  field['additionalProperties'] = false;
}

function setPolicies(field: Node, policies: PolicyTable): void {
  const common = base(at(field, 'items'), ['name', 'type', 'advisory']);
  field['items'] = {
    anyOf: Object.values(policies).flatMap((p) => variants(common, schemaOf(p.options)).map((form) => withConst(form, 'type', p.type, p.summary, true))),
  };
}

function setHooks(field: Node, registry: ManifestRegistry): void {
  for (const step of ['before_attach', 'before_delete']) {
    const list = at(field, 'properties', step);
    const long = (list['anyOf'] as Node[])[0] ?? {};
    const common = base(at(long, 'items'), HOOK_KEYS);
    const forms = Object.values(registry.hooks).flatMap((h) => [
      ...variants(common, schemaOf(h.options)).map((form) => withConst(form, 'type', h.id, h.summary, true)),
      keyForm(h.id, h.summary, schemaOf(h.options), common),
    ]);
    setForms(list, [{ type: 'array', items: { anyOf: forms } }, ...forms]);
  }
}
