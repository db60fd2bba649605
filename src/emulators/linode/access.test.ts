import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type LinodeAccount, openAccount } from '../../../test/support/linode-account.ts';

describe('access to the API', () => {
  let account: LinodeAccount;
  beforeAll(async () => {
    account = await openAccount({
      rateLimits: false,
      tokens: [{ token: 'all' }, { token: 'reader', scopes: 'linodes:read_only,events:read_only ips:read_only' }],
    });
  });
  afterAll(() => account.close());
  const as = (token: string) => ({ authorization: `Bearer ${token}` });
  const reasons = (body: Record<string, unknown>) => body['errors'];

  it('answers 401 without a token, with a wrong one and with another scheme', async () => {
    for (const authorization of ['', 'Bearer wrong', 'Basic YWxsOg==']) {
      const { status, body } = await account.call('GET', '/linode/instances', undefined, { authorization });
      expect([status, reasons(body)]).toEqual([401, [{ reason: 'Invalid Token' }]]);
    }
  });

  it('lets anybody read what is public, but not with a wrong token', async () => {
    for (const path of ['/regions', '/linode/types', '/linode/kernels', '/images', '/nodebalancers/types', '/regions/availability']) {
      expect((await fetch(`${account.url}/v4${path}`)).status, path).toBe(200);
    }
    expect((await account.call('GET', '/regions', undefined, as('wrong'))).status).toBe(401);
  });

  it('tells scopes had and scopes needed, and refuses what they do not hold', async () => {
    const read = await account.call('GET', '/linode/instances', undefined, as('reader'));
    expect(read.status).toBe(200);
    expect(read.headers.get('x-oauth-scopes')).toBe('linodes:read_only events:read_only ips:read_only');
    expect(read.headers.get('x-accepted-oauth-scopes')).toBe('linodes:read_only');
    const write = await account.call('POST', '/linode/instances', { region: 'us-east', type: 'g6-nanode-1' }, as('reader'));
    expect([write.status, reasons(write.body)]).toEqual([401, [{ reason: 'Your OAuth token is not authorized to use this endpoint.' }]]);
    expect(write.headers.get('x-accepted-oauth-scopes')).toBe('linodes:read_write');
    expect((await account.call('GET', '/nodebalancers', undefined, as('reader'))).status).toBe(401);
    expect((await account.call('GET', '/profile', undefined, as('reader'))).status).toBe(200);
    expect((await account.call('GET', '/profile', undefined, as('all'))).headers.get('x-oauth-scopes')).toBe('*');
    expect(account.ledger().created).toBe(0);
  });

  it('makes tokens, shows their value once, and revokes them', async () => {
    const made = await account.call('POST', '/profile/tokens', { label: 'new', scopes: 'linodes:read_write' });
    const value = String(made.body['token']);
    expect(value).toMatch(/^[0-9a-f]{64}$/);
    expect((await account.call('GET', '/linode/instances', undefined, as(value))).status).toBe(200);
    const listed = (await account.call('GET', '/profile/tokens')).body['data'] as { id: number; token: string }[];
    expect(listed.find((each) => each.id === made.body['id'])?.token).toBe(value.slice(0, 16));
    expect((await account.call('DELETE', `/profile/tokens/${Number(made.body['id'])}`)).body).toEqual({});
    expect((await account.call('GET', '/linode/instances', undefined, as(value))).status).toBe(401);
    expect((await account.call('POST', '/profile/tokens', { scopes: 'moons:read_only' })).status).toBe(400);
    const over = await account.call('POST', '/profile/tokens', { scopes: 'linodes:read_only', expiry: '2020-01-01T00:00:00' });
    expect((await account.call('GET', '/linode/instances', undefined, as(String(over.body['token'])))).status).toBe(401);
  });

  it('refuses tokens with scopes that do not exist, before it listens', async () => {
    await expect(openAccount({ tokens: [{ token: 'x', scopes: 'linodes' }] })).rejects.toThrow('are no scopes');
  });

  it('knows v4 and v4beta, no other root, and says which methods there are', async () => {
    expect((await fetch(`${account.url}/v4beta/profile`, { headers: as('all') })).status).toBe(200);
    expect((await fetch(`${account.url}/v5/profile`, { headers: as('all') })).status).toBe(404);
    const missing = await account.call('GET', '/linode/moons');
    expect([missing.status, reasons(missing.body)]).toEqual([404, [{ reason: 'Not found' }]]);
    const wrong = await account.call('DELETE', '/linode/instances');
    expect([wrong.status, wrong.headers.get('allow')]).toEqual([405, 'GET, POST']);
  });

  it('refuses bodies that are not JSON, no object or too large', async () => {
    const send = (body: string) => fetch(`${account.url}/v4/linode/instances`, { method: 'POST', headers: as('all'), body });
    expect((await send('{')).status).toBe(400);
    expect((await send('[]')).status).toBe(400);
    expect((await send(JSON.stringify({ label: 'x'.repeat(2_000_000) }))).status).toBe(413);
  });

  it('cuts lists into pages', async () => {
    for (let n = 0; n < 30; n++) await account.create({ label: `paged-${n}`, private_ip: false });
    const first = await account.call('GET', '/linode/instances?page_size=25');
    expect(first.body).toMatchObject({ page: 1, pages: 2, results: 30 });
    expect(first.body['data']).toHaveLength(25);
    const second = await account.call('GET', '/linode/instances?page_size=25&page=2');
    expect((second.body['data'] as { label: string }[]).map((each) => each.label)).toEqual(['paged-25', 'paged-26', 'paged-27', 'paged-28', 'paged-29']);
    expect((await account.call('GET', '/linode/instances')).body).toMatchObject({ page: 1, pages: 1, results: 30 });
    for (const query of ['page_size=24', 'page_size=501', 'page=0', 'page=2', 'page=x']) {
      expect((await account.call('GET', `/linode/instances?${query}`)).status, query).toBe(400);
    }
    const filtered = await account.call('GET', '/linode/instances', undefined, { 'x-filter': '{"label":{"+contains":"paged-2"}}' });
    expect(filtered.body['results']).toBe(11);
    expect((await account.call('GET', '/linode/instances', undefined, { 'x-filter': '{"status":"running"}' })).body).toEqual({
      errors: [{ reason: 'Cannot filter on status', field: 'X-Filter' }],
    });
  });
});

describe('rate limits of the API', () => {
  it('refuses the 21st create within 15 s, and tells the limit before', async () => {
    const account = await openAccount();
    try {
      const empty = { region: 'us-east', type: 'g6-nanode-1' };
      const replies = [];
      for (let n = 0; n < 21; n++) replies.push(await account.call('POST', '/linode/instances', empty));
      expect(replies.map((each) => each.status)).toEqual([...Array.from({ length: 20 }, () => 200), 429]);
      expect(replies[0]?.headers.get('x-ratelimit-limit')).toBe('20');
      expect(replies[0]?.headers.get('x-ratelimit-remaining')).toBe('19');
      const last = replies[20];
      expect(last?.body).toEqual({ errors: [{ reason: 'Too many requests' }] });
      expect(Number(last?.headers.get('retry-after'))).toBeGreaterThan(0);
      expect(Number(last?.headers.get('x-ratelimit-reset')) * 1000).toBeGreaterThan(Date.now());
      expect(account.ledger().created).toBe(20);
      expect((await account.call('GET', '/linode/instances')).headers.get('x-ratelimit-limit')).toBe('200');
      expect((await account.call('GET', '/images')).headers.get('x-ratelimit-limit')).toBe('20');
      expect((await account.call('GET', '/profile')).headers.get('x-ratelimit-limit')).toBe('1600');
    } finally {
      await account.close();
    }
  });

  it('can be switched off', async () => {
    const account = await openAccount({ rateLimits: false });
    try {
      const statuses = [];
      for (let n = 0; n < 25; n++) statuses.push((await account.call('POST', '/linode/instances', { region: 'us-east', type: 'g6-nanode-1' })).status);
      expect(new Set(statuses)).toEqual(new Set([200]));
      expect((await account.call('GET', '/images')).headers.get('x-ratelimit-limit')).toBeNull();
    } finally {
      await account.close();
    }
  });
});
