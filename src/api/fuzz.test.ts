/** Whatever is sent to whichever route: no 5xx, an answer in our form, prototypes as they were. */
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ApiWorld, createApiWorld, createTestClock } from '../../test/support/api-world.ts';
import { contract, type Route, type RouteName } from './contract.ts';
import { type Api, createApi } from './server.ts';

let world: ApiWorld;
let api: Api;
beforeAll(async () => {
  world = createApiWorld(createTestClock());
  api = await createApi(world.deps);
});
afterAll(() => api.close());

const names = (Object.keys(contract) as RouteName[]).filter((name) => name !== 'stream');
/** Words that get past the first check now and then. */
const word = fc.oneof(
  fc.constantFrom('web', 'web-1', 'am', 'lab', 'd_8kq2', 'rps', 'm-9', 'constructor', '__proto__', 'toString', '..', '%00', "' OR 1=1 --"),
  fc.string({ unit: 'binary', maxLength: 20 }),
);
const number = fc.oneof(fc.integer(), fc.double(), fc.constantFrom(0, -0, 1, 3, 1e308, 2 ** 53));
const value = fc.oneof(
  word,
  number,
  fc.boolean(),
  fc.constant(null),
  fc.jsonValue({ maxDepth: 3 }),
  fc.dictionary(word, number, { maxKeys: 3 }),
  fc.array(word, { maxLength: 3 }),
);

/** Bodies near the schema: its own keys, mostly. */
function bodyOf(route: Route): fc.Arbitrary<unknown> {
  const keys = Object.keys(route.body?.shape ?? { alerts: null });
  const key = fc.oneof({ weight: 5, arbitrary: fc.constantFrom(...(keys.length === 0 ? ['x'] : keys)) }, { weight: 1, arbitrary: word });
  return fc.oneof(fc.dictionary(key, value, { maxKeys: 5 }), fc.jsonValue({ maxDepth: 6 }));
}
const request = fc.constantFrom(...names).chain((name) => {
  const route: Route = contract[name];
  return fc.record({
    name: fc.constant(name),
    path: fc.array(word, { minLength: 3, maxLength: 3 }),
    query: fc.dictionary(fc.oneof(fc.constantFrom(...Object.keys(route.query?.shape ?? { x: null })), word), fc.oneof(word, number.map(String)), {
      maxKeys: 4,
    }),
    body: fc.oneof({ weight: 8, arbitrary: bodyOf(route).map((b) => JSON.stringify(b)) }, { weight: 1, arbitrary: fc.string({ unit: 'binary' }) }),
    type: fc.constantFrom(...Array<string>(8).fill('application/json'), 'application/json; charset=utf-8', 'text/plain'),
  });
});

describe('any request', () => {
  it('is answered without a failure of ours', async () => {
    await fc.assert(
      fc.asyncProperty(request, async ({ name, path, query, body, type }) => {
        const { method, path: pattern }: Route = contract[name];
        let n = 0;
        const url = pattern.replace(/\{\w+\}/g, () => encodeURIComponent(path[n++]?.toWellFormed() || 'x'));
        const search = new URLSearchParams(Object.entries(query).map(([k, v]): [string, string] => [k.toWellFormed(), v.toWellFormed()]));
        const authorization = name === 'hook' ? 'Bearer s3cret' : `Bearer ${world.token.admin}`;
        const reply = await api.app.inject({
          method,
          url: `${url}?${search}`,
          headers: { authorization, host: 'localhost', ...(method === 'POST' ? { 'content-type': type } : {}) },
          ...(method === 'POST' ? { payload: body.toWellFormed() } : {}),
        });
        expect(reply.statusCode, `${method} ${url}: ${reply.body}`).toBeLessThan(500);
        expect(reply.headers['x-content-type-options']).toBe('nosniff');
        if (reply.statusCode >= 400) {
          expect(reply.headers['content-type']).toBe('application/problem+json; charset=utf-8');
          expect(reply.json()).toMatchObject({ status: reply.statusCode, code: expect.any(String), request_id: expect.any(String) });
        }
        expect(Object.keys(Object.prototype)).toEqual([]);
      }),
      { numRuns: 1500 },
    );
  }, 60_000);
});
