import { createHmac } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { verifyReceiver } from '../../src/kit/receiver-auth.ts';
import { createSecrets } from '../../src/platform/secrets.ts';
import { Secret, type Secrets } from '../../src/ports/secrets.ts';
import { type Bench, openBench, openReceivers } from './support.ts';

const KEY = 'k'.repeat(40);
const FILE = `version: 1
receivers:
  signed: { format: generic, name: /name, auth: { hmac: { secret: { file: ./key }, timestamp_header: X-Timestamp } } }
  plain: { format: generic, name: /name, auth: { hmac: { secret: { file: ./key }, prefix: 'sha256=' } } }
groups: {}
`;
const BODY = '{"name":"HighLoad","n":1}';
const sign = (text: string | Buffer, key = KEY): string => createHmac('sha256', key).update(text).digest('hex');

async function setup(): Promise<Bench> {
  const { receivers } = await openReceivers(FILE, { key: `${KEY}\n` });
  return openBench({ receivers });
}
let source = 0;
function deliver(bench: Bench, receiver: string, headers: Record<string, string | string[]>, body: string | Buffer = BODY) {
  source++;
  return bench.app.inject({
    method: 'POST',
    url: `/hooks/${receiver}`,
    headers: { host: 'drover.example', 'content-type': 'application/json', ...headers } as Record<string, string>,
    payload: body,
    remoteAddress: `10.8.${source >> 8}.${source & 255}`,
  });
}
const secondsOf = (bench: Bench, offsetS = 0): string => String(Math.floor(bench.clock.wall() / 1000) + offsetS);

describe('S8 forged signatures', () => {
  it('are 401 and never 500, whatever is wrong with them; the right one passes', async () => {
    const bench = await setup();
    const right = sign(BODY);
    const flipped = `${right[0] === '0' ? '1' : '0'}${right.slice(1)}`;
    const wrong: readonly (string | string[] | undefined)[] = [
      undefined,
      '',
      'sha256=',
      right, // without its prefix
      `sha256=${flipped}`,
      `sha256=${right.slice(0, -1)}${right.endsWith('0') ? '1' : '0'}`,
      `sha256=${right.slice(0, -1)}`,
      `sha256=${right}00`,
      `sha256=${'z'.repeat(64)}`,
      `sha256=${'0'.repeat(64)}`,
      `sha256=${Buffer.from(right, 'hex').toString('base64')}`,
      `sha512=${right}`,
      'sha256='.padEnd(10_240, 'a'),
      `${'sha256=00,'.repeat(6)}sha256=${right}`, // behind more signatures than are looked at
      [`sha256=${right}`, `sha256=${right}`], // the header twice
      `sha256=${sign(BODY, 'another key')}`,
      `sha256=${sign('')}`,
      `sha256=${sign(`${BODY} `)}`,
    ];
    for (const value of wrong) {
      const reply = await deliver(bench, 'plain', value === undefined ? {} : { 'x-drover-signature': value });
      expect([reply.statusCode, reply.json().code], String(value).slice(0, 80)).toEqual([401, 'unauthenticated']);
      expect(reply.body).not.toContain(right);
    }
    expect(bench.state.deliveries.size).toBe(0);
    for (const value of [`sha256=${right}`, `sha256=${right.toUpperCase()}`, `sha256=${flipped},sha256=${right}`]) {
      expect((await deliver(bench, 'plain', { 'x-drover-signature': value })).statusCode).toBe(202);
    }
  });

  it('the raw bytes are signed: the same JSON written otherwise is another body', async () => {
    const bench = await setup();
    const headers = { 'x-drover-signature': `sha256=${sign(BODY)}` };
    for (const body of ['{ "name":"HighLoad","n":1}', '{"n":1,"name":"HighLoad"}', '{"name":"HighLoad","n":1.0}', `\uFEFF${BODY}`, `${BODY}\n`]) {
      expect((await deliver(bench, 'plain', headers, body)).statusCode, body).toBe(401);
    }
    const bytes = Buffer.from('{"name":"Überlast"}', 'latin1'); // not UTF-8: the signature holds, the text does not
    expect((await deliver(bench, 'plain', { 'x-drover-signature': `sha256=${sign(bytes)}` }, bytes)).statusCode).toBe(400);
  });

  it('are compared as digests of equal length, and all of them whatever the first one says', async () => {
    const real = createSecrets('/');
    // timingSafeEqual itself throws on unequal lengths.
    for (const given of ['', 'a', 'a'.repeat(63), 'a'.repeat(65), 'a'.repeat(100_000), 'ä'.repeat(32), '\0'])
      expect(real.equal(given, 'a'.repeat(64))).toBe(false);
    expect(real.equal('a'.repeat(64), 'a'.repeat(64))).toBe(true);
    for (const first of ['right', 'wrong'] as const) {
      let compared = 0;
      const secrets: Secrets = {
        ...real,
        resolve: async (ref) => new Secret(Object.values(ref)[0] ?? ''),
        equal: (a, b) => {
          compared++;
          return real.equal(a, b);
        },
      };
      const good = real.hmacSha256(new Secret('KEY'), BODY);
      const sent = first === 'right' ? `${good},${'0'.repeat(64)}` : `${'0'.repeat(64)},${good}`;
      const auth = { hmac: { secret: [{ env: 'KEY' }, { env: 'OTHER' }] } };
      const verdict = await verifyReceiver(auth, { headers: { 'x-drover-signature': sent }, rawBody: BODY, nowMs: 0 }, secrets);
      expect([verdict.ok, compared]).toEqual([true, 4]);
    }
  });
});

describe('S9 signatures of another time', () => {
  it.each([
    [0, 202],
    [-299, 202],
    [299, 202],
    [-301, 401],
    [301, 401],
    [-86_400, 401],
  ])('%i s from now: %i', async (offsetS, status) => {
    const bench = await setup();
    const at = secondsOf(bench, offsetS);
    const reply = await deliver(bench, 'signed', { 'x-timestamp': at, 'x-drover-signature': sign(`${at}:${BODY}`) });
    expect(reply.statusCode, reply.body).toBe(status);
  });

  it('the time is part of what is signed: a fresh one does not refresh an old signature', async () => {
    const bench = await setup();
    const old = secondsOf(bench, -400);
    const now = secondsOf(bench);
    const signature = sign(`${old}:${BODY}`);
    expect((await deliver(bench, 'signed', { 'x-timestamp': now, 'x-drover-signature': signature })).statusCode).toBe(401);
    for (const at of ['', 'now', '-1', '1e9', `0x${Number(now).toString(16)}`, `${now}.0`, `${now}000000`, '9'.repeat(40)]) {
      const reply = await deliver(bench, 'signed', { 'x-timestamp': at, 'x-drover-signature': sign(`${at}:${BODY}`) });
      expect(reply.statusCode, at).toBe(401);
    }
    expect((await deliver(bench, 'signed', { 'x-drover-signature': sign(BODY) })).statusCode).toBe(401);
  });
});

describe('S10 a captured delivery sent again', () => {
  it('has no effect within the window, however its headers are dressed up', async () => {
    const bench = await setup();
    const at = secondsOf(bench);
    const signature = sign(`${at}:${BODY}`);
    const send = (value: string, more: Record<string, string> = {}) => deliver(bench, 'signed', { 'x-timestamp': at, 'x-drover-signature': value, ...more });
    const first = await send(signature);
    expect([first.statusCode, first.json().duplicate]).toEqual([202, false]);
    const again: readonly [string, Record<string, string>][] = [
      [signature, {}],
      [signature.toUpperCase(), {}],
      [` ${signature} `, {}],
      [`${signature},${'0'.repeat(64)}`, {}], // a second signature that holds for no key
      [`${'f'.repeat(64)},${signature}`, {}],
      [`${signature},${signature}`, {}],
      [signature, { 'webhook-id': 'another' }],
      [signature, { 'idempotency-key': 'another' }],
    ];
    for (const [value, more] of again) {
      const reply = await send(value, more);
      expect([reply.statusCode, reply.json().duplicate, reply.json().fired], `${value} ${JSON.stringify(more)}`).toEqual([200, true, 0]);
    }
    expect(bench.state.deliveries.size).toBe(1);
    // What the sender itself says anew is news.
    const next = String(Number(at) + 1);
    expect((await deliver(bench, 'signed', { 'x-timestamp': next, 'x-drover-signature': sign(`${next}:${BODY}`) })).json().duplicate).toBe(false);
  });
});
