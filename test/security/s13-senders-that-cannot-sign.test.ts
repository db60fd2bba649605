import { createHmac } from 'node:crypto';
import { chmodSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { bearer, freshAddress, openBench, openReceivers } from './support.ts';

const FILE = `version: 1
receivers:
  am: { format: generic, name: /name, auth: { bearer: [{ file: ./new }, { file: ./old }] } }
  basic: { format: generic, name: /name, auth: { basic: { username: am, password: [{ file: ./new }, { file: ./old }] } } }
  signed: { format: generic, name: /name, auth: { hmac: { secret: [{ file: ./new }, { file: ./old }] } } }
  am2: { format: generic, name: /name }
groups: {}
`;
const [NEW, OLD] = ['n'.repeat(32), 'o'.repeat(32)];
const BODY = '{"name":"Busy"}';

/**
 * The row asks that such secrets be stored hashed. Drover stores none of them: the file refers to them, and they are read at each use
 * (docs/explanation/security.md). Receivers without `auth` take a token of Drover, which is 256 random bits and kept as its hash.
 */
describe('S13 two secrets of a receiver live at once', () => {
  const proofs: readonly (readonly [string, (secret: string) => Record<string, string>])[] = [
    ['am', (secret) => bearer(secret)],
    ['basic', (secret) => ({ authorization: `Basic ${btoa(`am:${secret}`)}` })],
    ['signed', (secret) => ({ 'x-drover-signature': createHmac('sha256', secret).update(BODY).digest('hex') })],
  ];
  it.each(proofs)('%s: both pass; when the old one is taken away it is dead at once and the new one goes on', async (receiver, proof) => {
    const { receivers, dir } = await openReceivers(FILE, { new: `${NEW}\n`, old: `${OLD}\n` });
    const { app } = await openBench({ receivers });
    const send = async (headers: Record<string, string>) =>
      (
        await app.inject({
          method: 'POST',
          url: `/hooks/${receiver}`,
          headers: { host: 'drover.example', 'content-type': 'application/json', ...headers },
          payload: BODY,
          remoteAddress: freshAddress(),
        })
      ).statusCode;
    expect([await send(proof(NEW)), await send(proof(OLD)), await send(proof('x'.repeat(32))), await send(proof(''))]).toEqual([202, 202, 401, 401]);
    rmSync(join(dir, 'old'));
    expect([await send(proof(NEW)), await send(proof(OLD))]).toEqual([202, 401]);
    // A secret turned: the file changes, no restart.
    writeFileSync(join(dir, 'new'), 'z'.repeat(32), { mode: 0o600 });
    expect([await send(proof('z'.repeat(32))), await send(proof(NEW))]).toEqual([202, 401]);
    // Our own secrets cannot be read: nobody passes, and the sender is told to come again.
    chmodSync(join(dir, 'new'), 0o644);
    expect([await send(proof('z'.repeat(32))), await send(proof(''))]).toEqual([503, 503]);
  });

  it('a basic user name or an empty password of its own opens nothing', async () => {
    const { receivers } = await openReceivers(FILE, { new: NEW, old: OLD });
    const { app } = await openBench({ receivers });
    for (const pair of ['am:', ':', `:${NEW}`, `AM:${NEW}`, `am:${NEW}:`, `am:${NEW}\n`, NEW, '']) {
      const headers = { host: 'drover.example', authorization: `Basic ${btoa(pair)}` };
      const reply = await app.inject({ method: 'POST', url: '/hooks/basic', headers, payload: BODY, remoteAddress: freshAddress() });
      expect(reply.statusCode, pair).toBe(401);
    }
  });

  it('tokens of the role receiver are 256 random bits, kept as hashes, two of a name side by side', async () => {
    const { receivers } = await openReceivers(FILE, { new: NEW, old: OLD });
    const { app, token, state } = await openBench({ receivers });
    const make = async () => {
      const reply = await app.inject({ method: 'POST', url: '/api/v1/tokens', headers: bearer(token.admin), payload: { name: 'am2', role: 'receiver' } });
      return reply.json() as { id: string; token: string };
    };
    const [first, second] = [await make(), await make()];
    const send = async (value: string) =>
      (
        await app.inject({
          method: 'POST',
          url: '/hooks/am2',
          headers: { ...bearer(value), host: 'drover.example' },
          payload: BODY,
          remoteAddress: freshAddress(),
        })
      ).statusCode;
    expect(first.token).toMatch(/^drv_[0-9a-f]{64}$/);
    expect(first.token).not.toBe(second.token);
    expect([await send(first.token), await send(second.token)]).toEqual([202, 202]);
    expect(JSON.stringify([...state.tokens.values()])).not.toContain(first.token);
    await app.inject({ method: 'DELETE', url: `/api/v1/tokens/${first.id}`, headers: bearer(token.admin) });
    expect([await send(first.token), await send(second.token)]).toEqual([401, 202]);
  });
});
