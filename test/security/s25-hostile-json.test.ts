import { describe, expect, it } from 'vitest';
import { bearer, openBench } from './support.ts';

const deep = (n: number, open = '[', close = ']'): string => open.repeat(n) + close.repeat(n);
const REFUSED: Readonly<Record<string, string | Buffer>> = {
  'ten thousand levels': `{"size":3,"reason":${deep(10_000)}}`,
  'ten thousand levels of objects': `${'{"a":'.repeat(10_000)}1${'}'.repeat(10_000)}`,
  'depth that is never closed': '['.repeat(500_000),
  '33 levels': deep(33),
  '1e400': '{"size":1e400}',
  '-1e400': '{"size":-1e400}',
  '-0': '{"size":-0}',
  '-0.0': '{"size":-0.0}',
  '2^53+1': '{"size":9007199254740993}',
  'a million digits': `{"size":${'9'.repeat(1_000_000)}}`,
  'half a surrogate': '{"size":3,"reason":"\\ud800"}',
  'the other half': '{"size":3,"reason":"\\udc00x"}',
  'half a surrogate in a key': '{"size":3,"\\ud800":1}',
  'a byte order mark': '\uFEFF{"size":3}',
  'a key twice': '{"size":3,"size":9}',
  'a key twice, spelt otherwise': '{"size":3,"\\u0073ize":9}',
  'not UTF-8': Buffer.from([0x7b, 0x22, 0xc3, 0x28, 0x22, 0x3a, 0x31, 0x7d]),
  'UTF-16': Buffer.from('{"size":3}', 'utf16le'),
  'a trailing comma': '{"size":3,}',
  'a comment': '{"size":3/*x*/}',
  'two documents': '{"size":3}{"size":4}',
  NaN: '{"size":NaN}',
  Infinity: '{"size":Infinity}',
  'a hexadecimal number': '{"size":0x3}',
  'a leading zero': '{"size":03}',
  'a NUL behind': '{"size":3}\0',
  'an open text': '{"size":3,"reason":"',
  'a raw line break in a text': '{"size":3,"reason":"a\nb"}',
};
/** Good JSON, but no number of machines. */
const NO_COUNT = ['"3"', '3.5', '-1', 'null2', 'true', '[3]', '{"valueOf":3}', '1e-1', '1e15', '""', '"０"'];

describe('S25 hostile JSON', () => {
  it.each(Object.entries(REFUSED))('%s is a 400 and changes nothing', async (_, payload) => {
    const { app, state, token } = await openBench();
    const headers = { ...bearer(token.operator), 'content-type': 'application/json' };
    const reply = await app.inject({ method: 'POST', url: '/api/v1/groups/web/scale', headers, payload });
    expect([reply.statusCode, reply.json().code]).toEqual([400, 'malformed']);
    expect(state.calls).toEqual([]);
    // Nothing of the body comes back.
    expect(reply.body.length).toBeLessThan(500);
  });

  it.each(NO_COUNT)('%s is never taken for a number of machines', async (value) => {
    const { app, state, token } = await openBench();
    const headers = { ...bearer(token.operator), 'content-type': 'application/json' };
    for (const route of ['scale', 'approve']) {
      const reply = await app.inject({ method: 'POST', url: `/api/v1/groups/web/${route}`, headers, payload: `{"size":${value}}` });
      expect([400, 422], reply.body).toContain(reply.statusCode);
    }
    expect(state.calls).toEqual([]);
  });

  it('the same holds for what a delivery brings: it is refused, or understood as what it says', async () => {
    const { app, state } = await openBench();
    for (const payload of Object.values(REFUSED)) {
      const headers = { ...bearer('s3cret'), host: 'localhost', 'content-type': 'application/json' };
      const reply = await app.inject({ method: 'POST', url: '/hooks/am', headers, payload });
      expect([400, 413], reply.body).toContain(reply.statusCode);
    }
    expect(state.deliveries.size).toBe(0);
  });

  it('32 levels and the largest whole number are fine', async () => {
    const { app, token } = await openBench();
    const headers = { ...bearer(token.viewer), 'content-type': 'application/json' };
    const set = await app.inject({ method: 'POST', url: '/api/v1/groups/web/evaluate', headers, payload: '{"set":{"rps":9007199254740991}}' });
    expect(set.statusCode).toBe(200);
    const nested = await app.inject({ method: 'POST', url: '/api/v1/groups/web/evaluate', headers, payload: deep(32) });
    expect(nested.statusCode).toBe(422);
  });
});
