/** The OpenAPI 3.1 document, made from the contract alone: it needs no server. */
import { z } from 'zod';
import { type Access, contract, type Route, type RouteName } from './contract.ts';
import { problemJson } from './documents.ts';

type JsonSchema = { [key: string]: unknown };

const DESCRIPTIONS: Readonly<Record<number, string>> = {
  400: 'Malformed.',
  401: 'No valid credential.',
  403: 'The role is too low.',
  404: 'No such thing.',
  409: 'It conflicts with the present state, or needs a confirmation.',
  413: 'The body is too large.',
  415: 'The body is not JSON.',
  422: 'A field is wrong.',
  429: 'Too many wrong credentials.',
  503: 'Not available now; try again after Retry-After.',
};

/** Replies may grow: additional properties are allowed although the server prunes what the schema does not name. */
function allowGrowth(schema: JsonSchema, io: 'input' | 'output'): void {
  if (io === 'output' && schema['additionalProperties'] === false) delete schema['additionalProperties'];
}

function toSchema(schema: z.ZodType, io: 'input' | 'output', components: Map<string, unknown>): JsonSchema {
  const json = z.toJSONSchema(schema, { target: 'draft-2020-12', io, override: ({ jsonSchema }) => allowGrowth(jsonSchema as JsonSchema, io) }) as JsonSchema;
  const {
    $defs,
    $schema: _,
    id,
    ...own
  } = JSON.parse(
    JSON.stringify(json, (_key, value) =>
      typeof value === 'string' && value.startsWith('#/$defs/') ? value.replace('#/$defs/', '#/components/schemas/') : value,
    ),
  ) as JsonSchema;
  for (const [name, definition] of Object.entries(($defs ?? {}) as JsonSchema)) {
    const { id: __, ...rest } = definition as JsonSchema;
    components.set(name, rest);
  }
  if (typeof id !== 'string') return own;
  components.set(id, own);
  return { $ref: `#/components/schemas/${id}` };
}

function parameters(route: Route, components: Map<string, unknown>): JsonSchema[] {
  const of = (schema: z.ZodObject | undefined, place: 'path' | 'query') => {
    if (schema === undefined) return [];
    const { properties, required } = toSchema(schema, 'input', components) as { properties: { [name: string]: JsonSchema }; required?: string[] };
    return Object.entries(properties).map(([name, { description, ...type }]) => ({
      name,
      in: place,
      required: place === 'path' || (required ?? []).includes(name),
      ...(description === undefined ? {} : { description }),
      schema: type,
    }));
  };
  const list: JsonSchema[] = [...of(route.params, 'path'), ...of(route.query, 'query')];
  if (route.reply.type === 'text/event-stream') {
    list.push({ name: 'Last-Event-ID', in: 'header', required: false, description: 'Number of the last event that was received.', schema: { type: 'string' } });
  }
  return list;
}

function errorsOf(route: Route): number[] {
  const byAccess: Readonly<Record<Access, readonly number[]>> = {
    // A credential in the address is refused everywhere.
    open: [401],
    scrape: [401, 403, 429],
    receiver: [401, 403, 413, 415, 429],
    viewer: [401, 403, 429],
    operator: [401, 403, 429],
    admin: [401, 403, 429],
  };
  const errors = [400, ...byAccess[route.access], 503];
  if (route.params !== undefined || route.query?.shape['group'] !== undefined) errors.push(404);
  // Of routes without any parameter, too: an unknown one is refused.
  if (route.reply.schema !== null || route.query !== undefined) errors.push(422);
  if (route.method !== 'GET') errors.push(413, 415);
  if (route.method !== 'GET' && route.access !== 'receiver') errors.push(409);
  return [...new Set(errors)].sort((a, b) => a - b);
}

function operation(name: RouteName, route: Route, components: Map<string, unknown>): JsonSchema {
  const { schema, type, status } = route.reply;
  const content = schema === null ? { [type ?? 'text/plain']: { schema: {} } } : { 'application/json': { schema: toSchema(schema, 'output', components) } };
  const responses: JsonSchema = { [status]: { description: 'Done.', content } };
  if (name === 'hook') responses['200'] = { description: 'Understood, without an effect.', content };
  for (const error of errorsOf(route)) responses[error] = { $ref: `#/components/responses/${error}` };
  if (name === 'readyz') responses['503'] = { description: 'Not ready.', content };
  const body =
    name === 'hook'
      ? { required: true, content: { 'application/json': { schema: { description: 'As the sender makes it.' } } } }
      : route.body && { required: false, content: { 'application/json': { schema: toSchema(route.body, 'input', components) } } };
  return {
    operationId: name,
    summary: route.summary,
    tags: [route.tag],
    description: `Needs: ${route.access}.`,
    'x-drover-access': route.access,
    security: security(route.access),
    parameters: parameters(route, components),
    ...(body === undefined ? {} : { requestBody: body }),
    responses,
  };
}

function security(access: Access): JsonSchema[] {
  if (access === 'open') return [];
  // An empty requirement: also without, on a loopback listener (scrape) or with the receiver's own proof.
  return access === 'scrape' || access === 'receiver' ? [{}, { token: [] }] : [{ token: [] }];
}

function problemResponses(components: Map<string, unknown>): JsonSchema {
  const content = { 'application/problem+json': { schema: toSchema(problemJson, 'output', components) } };
  return Object.fromEntries(Object.entries(DESCRIPTIONS).map(([status, description]) => [status, { description, content }]));
}

/** `version` is that of the software. */
export function openapiDocument(version: string): JsonSchema {
  const components = new Map<string, unknown>();
  const paths: { [path: string]: JsonSchema } = {};
  for (const name of Object.keys(contract) as RouteName[]) {
    const route: Route = contract[name];
    paths[route.path] = { ...paths[route.path], [route.method.toLowerCase()]: operation(name, route, components) };
  }
  const responses = problemResponses(components);
  return {
    openapi: '3.1.0',
    info: {
      title: 'Drover',
      version,
      description: 'Keeps groups of machines at the size their load needs, and says why. Replies only ever grow: ignore fields you do not know.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/' }],
    tags: ['look', 'act', 'instances', 'config', 'admin', 'world'].map((name) => ({ name })),
    paths,
    components: {
      schemas: Object.fromEntries([...components].sort(([a], [b]) => (a < b ? -1 : 1))),
      responses,
      securitySchemes: { token: { type: 'http', scheme: 'bearer', description: 'A token made by `drover token create`.' } },
    },
  };
}
