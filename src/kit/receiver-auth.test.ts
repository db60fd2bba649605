import { describe, expect, it } from 'vitest';
import { createSecrets } from '../platform/secrets.ts';
import { DriverError } from '../ports/errors.ts';
import { Secret, type SecretRef, type Secrets } from '../ports/secrets.ts';
import { type ReceiverAuth, receiverAuth, verifyReceiver } from './receiver-auth.ts';

const NOW_MS = 1_795_345_200_000;
const BODY = '{"alerts":[]}';
const real = createSecrets('/');
/** Secrets named by their own value; GONE cannot be read. */
const secrets: Secrets = {
  ...real,
  resolve: async (ref: SecretRef) => {
    const [name = ''] = Object.values(ref);
    if (name === 'GONE') throw new DriverError('not-found', 'secret: the file GONE cannot be opened');
    return new Secret(name);
  },
};
const verify = (auth: ReceiverAuth, headers: Record<string, string | string[]>, rawBody: string | Uint8Array = BODY) =>
  verifyReceiver(receiverAuth.parse(auth), { headers, rawBody, nowMs: NOW_MS }, secrets);
const ok = { ok: true, replayId: null };
const refused = { ok: false, status: 401 };
const basic = (text: string) => `Basic ${Buffer.from(text).toString('base64')}`;

describe('verifyReceiver', () => {
  it('takes everyone where nothing is asked', async () => {
    expect(await verify('none', {})).toEqual(ok);
  });

  it('bearer', async () => {
    const auth: ReceiverAuth = { bearer: { env: 'tok' } };
    expect(await verify(auth, { authorization: 'Bearer tok' })).toEqual(ok);
    expect(await verify(auth, { authorization: 'bearer  tok' })).toEqual(ok);
    for (const authorization of ['Bearer toK', 'Bearer', 'tok', basic('a:tok'), 'Bearer tok tok', ''])
      expect(await verify(auth, { authorization })).toMatchObject(refused);
    expect(await verify(auth, { authorization: ['Bearer tok', 'Bearer tok'] })).toMatchObject(refused);
    expect(await verify(auth, {})).toMatchObject(refused);
  });

  it('basic', async () => {
    const auth: ReceiverAuth = { basic: { username: 'am', password: { file: 'pä:ss' } } };
    expect(await verify(auth, { authorization: basic('am:pä:ss') })).toEqual(ok);
    for (const authorization of [basic('am:pa:ss'), basic('AM:pä:ss'), basic('am'), 'Basic !!!!', 'Basic /w==', 'Bearer x']) {
      expect(await verify(auth, { authorization })).toMatchObject(refused);
    }
  });

  it('hmac over the body, as a known value', async () => {
    // HMAC-SHA256("Jefe", "what do ya want for nothing?"), RFC 4231 §4.3
    const signature = '5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843';
    const auth: ReceiverAuth = { hmac: { secret: { env: 'Jefe' } } };
    const body = 'what do ya want for nothing?';
    expect(await verify(auth, { 'x-drover-signature': signature }, body)).toEqual(ok);
    expect(await verify(auth, { 'x-drover-signature': signature.toUpperCase() }, new TextEncoder().encode(body))).toEqual(ok);
    expect(await verify(auth, { 'x-drover-signature': signature }, `${body} `)).toMatchObject(refused);
    expect(await verify(auth, { 'x-drover-signature': signature.slice(0, 63) }, body)).toMatchObject(refused);
    expect(await verify(auth, {}, body)).toMatchObject({ ...refused, why: expect.stringContaining('X-Drover-Signature') });
  });

  it('hmac with a prefix and several signatures (PagerDuty)', async () => {
    const auth: ReceiverAuth = { hmac: { secret: { env: 'key' }, header: 'X-PagerDuty-Signature', prefix: 'v1=' } };
    const good = real.hmacSha256(new Secret('key'), BODY);
    const other = real.hmacSha256(new Secret('other'), BODY);
    expect(await verify(auth, { 'x-pagerduty-signature': `v1=${other}, v1=${good}` })).toEqual(ok);
    expect(await verify(auth, { 'x-pagerduty-signature': good })).toMatchObject(refused);
    expect(await verify(auth, { 'x-pagerduty-signature': `v1=${other}` })).toMatchObject(refused);
  });

  it('hmac with a time: 300 s either way, and a replay id that is the same for the same request', async () => {
    const auth: ReceiverAuth = { hmac: { secret: { env: 'key' }, timestamp_header: 'X-Time' } };
    const signed = (offsetS: number) => {
      const seconds = String(NOW_MS / 1000 + offsetS);
      return { 'x-time': seconds, 'x-drover-signature': real.hmacSha256(new Secret('key'), `${seconds}:${BODY}`) };
    };
    const first = await verify(auth, signed(0));
    expect(first).toMatchObject({ ok: true, replayId: expect.stringMatching(/^[0-9a-f]{64}$/) });
    expect(await verify(auth, signed(0))).toEqual(first);
    // Nor does a second signature beside the good one make it another request.
    const good = signed(0);
    for (const header of [`${good['x-drover-signature']},${'0'.repeat(64)}`, `${'0'.repeat(64)},${good['x-drover-signature']}`]) {
      expect(await verify(auth, { ...good, 'x-drover-signature': header })).toEqual(first);
    }
    expect(await verify(auth, signed(1))).not.toEqual(first);
    expect(await verify(auth, signed(-300))).toMatchObject({ ok: true });
    expect(await verify(auth, signed(300))).toMatchObject({ ok: true });
    expect(await verify(auth, signed(-301))).toMatchObject(refused);
    expect(await verify(auth, signed(301))).toMatchObject(refused);
    expect(await verify(auth, { ...signed(0), 'x-time': signed(1)['x-time'] })).toMatchObject(refused);
    expect(await verify(auth, { 'x-drover-signature': signed(0)['x-drover-signature'] })).toMatchObject(refused);
    expect(await verify(auth, { ...signed(0), 'x-time': 'now' })).toMatchObject(refused);
  });

  it('takes either of two live secrets, and goes on when the old one is gone', async () => {
    for (const bearer of [
      [{ env: 'new' }, { env: 'old' }],
      [{ env: 'GONE' }, { env: 'new' }],
    ]) {
      expect(await verify({ bearer }, { authorization: 'Bearer new' })).toEqual(ok);
      expect(await verify({ bearer }, { authorization: 'Bearer none' })).toMatchObject(refused);
    }
  });

  it('asks for another try (503) when its own secret cannot be read: Alertmanager repeats 5xx only', async () => {
    for (const auth of [{ bearer: { env: 'GONE' } }, { basic: { username: 'a', password: { env: 'GONE' } } }, { hmac: { secret: { env: 'GONE' } } }] as const) {
      expect(await verify(auth, { authorization: 'Bearer GONE' })).toMatchObject({ ok: false, status: 503, why: expect.stringContaining('GONE') });
    }
  });

  it('never repeats what was sent', async () => {
    const verdict = await verify({ bearer: { env: 'tok' } }, { authorization: 'Bearer sent5ecret' });
    expect(JSON.stringify(verdict)).not.toContain('sent5ecret');
  });

  it('has options that are checked', () => {
    for (const wrong of [
      'some',
      {},
      { bearer: 'tok' },
      { bearer: [] },
      { hmac: { secret: { env: 'X' }, header: 'a b' } },
      { bearer: { env: 'X' }, basic: {} },
    ]) {
      expect(receiverAuth.safeParse(wrong).success).toBe(false);
    }
  });
});
