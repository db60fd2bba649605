/** Validates answers against an OpenAPI 3.0 document. */
import { isIP, isIPv4 } from 'node:net';
import { Ajv, type ValidateFunction } from 'ajv';

type Schema = Record<string, unknown>;

/** A place where real answers are known to differ from the document. */
export interface Deviation {
  /** An object schema that has a property of this name is meant. */
  readonly having: string;
  readonly property: string;
  /** What the property is allowed to be; null: what the document says, or null. */
  readonly schema: Schema | null;
  readonly why: string;
}

export interface OpenApi {
  /** Complaints about an answer, empty when it is as documented. Null: no such path or method in the document. */
  check(method: string, path: string, status: number, body: unknown): string[] | null;
  /** Deviations that met no schema: they are out of date. */
  unusedDeviations(): readonly Deviation[];
}

export function openApi(document: Schema, pathPrefix: string, deviations: readonly Deviation[]): OpenApi {
  const used = new Set<Deviation>();
  const ajv = new Ajv({ strict: false, allErrors: true, logger: false, formats: FORMATS });
  const compiled = new Map<string, ValidateFunction>();
  const templates = Object.entries(document['paths'] as Record<string, Schema>).map(([template, item]) => ({
    item,
    parameters: template.split('{').length,
    regex: new RegExp(`^${template.replace(pathPrefix, '').replace(/\{[^}]+\}/g, '[^/]+')}$`),
    template,
  }));
  const find = (method: string, path: string) =>
    templates.filter(({ regex, item }) => regex.test(path) && item[method.toLowerCase()] !== undefined).toSorted((a, b) => a.parameters - b.parameters)[0] ??
    null;
  const validator = (template: string, item: Schema, method: string, status: number): ValidateFunction | null => {
    const key = `${method} ${template} ${status}`;
    const known = compiled.get(key);
    if (known !== undefined) return known;
    const responses = (item[method.toLowerCase()] as Schema)['responses'] as Record<string, Schema>;
    const response = resolve(document, responses[String(status)] ?? responses['default'] ?? {});
    const schema = (response['content'] as Record<string, Schema> | undefined)?.['application/json']?.['schema'] as Schema | undefined;
    if (schema === undefined) return null;
    const made = ajv.compile(tidy(document, schema, deviations, used));
    compiled.set(key, made);
    return made;
  };
  return {
    check: (method, path, status, body) => {
      const found = find(method, path);
      if (found === null) return null;
      const validate = validator(found.template, found.item, method, status);
      if (validate === null || validate(body)) return [];
      return (validate.errors ?? []).map((e) => `${e.instancePath || '/'} ${e.message} ${JSON.stringify(e.params)}`);
    },
    unusedDeviations: () => deviations.filter((each) => !used.has(each)),
  };
}

const FORMATS = {
  // The API writes times without a zone.
  'date-time': /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d$/,
  ip: (text: string) => isIP(text.replace(/\/\d+$/, '')) > 0,
  ipv4: (text: string) => isIPv4(text),
  'ipv6/128': (text: string) => text.endsWith('/128') && isIP(text.slice(0, -4)) === 6,
  uuid: /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i,
  email: /^[^@]+@[^@]+$/,
  url: /^(https?:\/\/|\/)/,
} as const;

function resolve(document: Schema, value: Schema): Schema {
  const ref = value['$ref'];
  if (typeof ref !== 'string') return value;
  const parts = ref
    .slice(2)
    .split('/')
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'));
  return resolve(
    document,
    parts.reduce<Schema>((at, part) => at[part] as Schema, document),
  );
}

/** Without references; `allOf` merged, as each of its parts forbids what the others have; words of OpenAPI that JSON Schema lacks removed. */
function tidy(document: Schema, given: Schema, deviations: readonly Deviation[], used: Set<Deviation>): Schema {
  const value = resolve(document, given);
  const inner = (each: unknown) => tidy(document, each as Schema, deviations, used);
  const parts = Array.isArray(value['allOf']) ? value['allOf'].map(inner) : [];
  const own: Schema = {};
  for (const [key, each] of Object.entries(value)) {
    if (key === 'properties') own[key] = Object.fromEntries(Object.entries(each as Schema).map(([name, schema]) => [name, inner(schema)]));
    else if (key === 'items') own[key] = inner(each);
    else if (key === 'oneOf' || key === 'anyOf') own['anyOf'] = (each as unknown[]).map(inner);
    else if (KEPT.has(key) && (key !== 'required' || Array.isArray(each))) own[key] = each;
  }
  const merged = parts.reduce<Schema>((sum, part) => merge(sum, part), own);
  const properties = merged['properties'] as Record<string, Schema> | undefined;
  for (const deviation of deviations) {
    const { having, property, schema } = deviation;
    if (properties?.[having] === undefined) continue;
    used.add(deviation);
    properties[property] = schema ?? { anyOf: [{ type: 'null' }, properties[property] ?? {}] };
  }
  if (Array.isArray(merged['enum']) && merged['nullable'] === true) merged['enum'] = [...merged['enum'], null];
  return merged;
}

const KEPT = new Set([
  'type',
  'nullable',
  'required',
  'enum',
  'format',
  'pattern',
  'minLength',
  'maxLength',
  'minimum',
  'maximum',
  'minItems',
  'maxItems',
  'additionalProperties',
]);

function merge(a: Schema, b: Schema): Schema {
  const properties = { ...(a['properties'] as Schema | undefined), ...(b['properties'] as Schema | undefined) };
  const required = [...((a['required'] as string[] | undefined) ?? []), ...((b['required'] as string[] | undefined) ?? [])];
  return { ...a, ...b, ...(Object.keys(properties).length > 0 ? { properties } : {}), ...(required.length > 0 ? { required } : {}) };
}
