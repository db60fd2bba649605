import { describe, expect, it } from 'vitest';
import { contract, type Route, type RouteName } from './contract.ts';
import { openapiDocument } from './openapi.ts';

interface Document {
  readonly openapi: string;
  readonly info: { readonly version: string };
  readonly paths: Record<
    string,
    Record<string, { operationId: string; parameters: { name: string; in: string; required: boolean }[]; responses: Record<string, unknown> }>
  >;
  readonly components: { readonly schemas: Record<string, Record<string, unknown>>; readonly responses: Record<string, unknown> };
}
const document = openapiDocument('1.2.3') as unknown as Document;
const names = Object.keys(contract) as RouteName[];

function refsIn(value: unknown): string[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, v]) => (key === '$ref' && typeof v === 'string' ? [v] : refsIn(v)));
}

function resolve(ref: string): unknown {
  return ref
    .slice(2)
    .split('/')
    .reduce<unknown>((at, key) => (at as Record<string, unknown> | undefined)?.[key], document);
}

describe('the contract', () => {
  it('has no name twice among the parameters, query and body of one route, so that callers give one object', () => {
    for (const name of names) {
      const route: Route = contract[name];
      const keys = [route.params, route.query, route.body].flatMap((s) => Object.keys(s?.shape ?? {}));
      expect(new Set(keys).size, name).toBe(keys.length);
    }
  });

  it('has each method and path once, and declares exactly the parameters of the path', () => {
    const seen = new Set<string>();
    for (const name of names) {
      const route: Route = contract[name];
      const key = `${route.method} ${route.path}`;
      expect(seen.has(key), key).toBe(false);
      seen.add(key);
      const inPath = [...route.path.matchAll(/\{(\w+)\}/g)].map((m) => m[1]);
      expect(Object.keys(route.params?.shape ?? {}).sort(), name).toEqual(inPath.map(String).sort());
    }
  });

  it('lets nobody change anything with a role below operator, but for what stores nothing', () => {
    const harmless = new Set<RouteName>(['evaluate', 'replay', 'metric', 'hook']);
    for (const name of names) {
      const route: Route = contract[name];
      if (route.method !== 'GET' && !harmless.has(name)) expect(['operator', 'admin'], name).toContain(route.access);
    }
  });
});

describe('the OpenAPI document', () => {
  it('is OpenAPI 3.1 with the version of the software', () => {
    expect(document.openapi).toBe('3.1.0');
    expect(document.info.version).toBe('1.2.3');
    expect(JSON.parse(JSON.stringify(document))).toEqual(document);
  });

  it('has every route of the contract, and no other', () => {
    const listed = Object.values(document.paths).flatMap((methods) => Object.values(methods).map((o) => o.operationId));
    expect(listed.sort()).toEqual([...names].sort());
    for (const name of names) {
      const { method, path, reply } = contract[name] as Route;
      expect(document.paths[path]?.[method.toLowerCase()]?.responses[reply.status], name).toBeDefined();
    }
  });

  it('resolves all of its references', () => {
    const refs = refsIn(document);
    expect(refs.length).toBeGreaterThan(50);
    for (const ref of refs) expect(resolve(ref), ref).toBeDefined();
  });

  it('names parameters in the path as required and describes documents by their own schema', () => {
    const scale = document.paths['/api/v1/groups/{group}/scale']?.['post'];
    expect(scale?.parameters).toEqual([expect.objectContaining({ name: 'group', in: 'path', required: true })]);
    expect(document.components.schemas['Decision']).toMatchObject({ type: 'object', properties: { schema: { const: 'drover.decision/v1' } } });
  });

  it('lets replies grow and requests not', () => {
    expect(document.components.schemas['Decision']).not.toHaveProperty('additionalProperties');
    const body = document.paths['/api/v1/groups/{group}/scale']?.['post'] as unknown as {
      requestBody: { content: { 'application/json': { schema: object } } };
    };
    expect(body.requestBody.content['application/json'].schema).toMatchObject({ additionalProperties: false });
  });
});
