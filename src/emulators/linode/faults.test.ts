import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type LinodeAccount, openAccount } from '../../../test/support/linode-account.ts';

// Each fault as a caller meets it, and what it leaves behind.
describe('faults on demand', () => {
  let account: LinodeAccount;
  beforeEach(async () => {
    account = await openAccount();
  });
  afterEach(() => account.close());

  const CREATE = { method: 'POST', path: '/linode/instances' } as const;
  const create = () => account.call('POST', '/linode/instances', { region: 'us-east', type: 'g6-nanode-1', label: 'app' });
  const labels = async () => ((await account.call('GET', '/linode/instances')).body['data'] as { label: string }[]).map((each) => each.label);

  it('throttle: 429 with and without Retry-After, nothing done, then over', async () => {
    await account.fault({ kind: 'throttle', ...CREATE, retry_after_s: 7 });
    await account.fault({ kind: 'throttle', ...CREATE, retry_after_s: null });
    const first = await create();
    expect([first.status, first.headers.get('retry-after'), first.body]).toEqual([429, '7', { errors: [{ reason: 'Too many requests' }] }]);
    const second = await create();
    expect([second.status, second.headers.get('retry-after')]).toEqual([429, null]);
    expect(account.ledger().created).toBe(0);
    expect((await create()).status).toBe(200);
  });

  it('error: before anything is done, as JSON, as a page of a proxy, as maintenance', async () => {
    await account.fault({ kind: 'error', ...CREATE });
    await account.fault({ kind: 'error', ...CREATE, status: 502, body: 'html' });
    await account.fault({ kind: 'error', ...CREATE, status: 503, maintenance: true });
    await account.fault({ kind: 'error', ...CREATE, status: 408 });
    const json = await create();
    expect([json.status, json.body]).toEqual([500, { errors: [{ reason: 'An internal error has occurred' }] }]);
    const html = await create();
    expect([html.status, html.headers.get('content-type'), html.headers.get('server')]).toEqual([502, 'text/html', 'nginx']);
    expect(html.text).toContain('<h1>502 Bad Gateway</h1>');
    const maintenance = await create();
    expect([maintenance.status, maintenance.headers.get('x-maintenance-mode')]).toEqual([503, 'apiv4,all_endpoints']);
    expect((await create()).body).toEqual({ errors: [{ reason: 'Please try again' }] });
    expect(account.ledger().created).toBe(0);
  });

  it('error_after: it is done, and 500 is answered', async () => {
    await account.fault({ kind: 'error_after', ...CREATE });
    expect((await create()).status).toBe(500);
    expect(await labels()).toEqual(['app']);
    const again = await create();
    expect(again.body).toEqual({ errors: [{ reason: 'Label must be unique among your linodes', field: 'label' }] });
    expect(account.ledger()).toMatchObject({ created: 1, living: 1 });
  });

  it('error_after: a call that was refused anyhow keeps its own answer', async () => {
    await account.fault({ kind: 'error_after', ...CREATE });
    expect((await account.call('POST', '/linode/instances', { region: 'nowhere', type: 'g6-nanode-1' })).status).toBe(400);
  });

  it('lost_answer: the connection is cut after the effect, or before it', async () => {
    await account.fault({ kind: 'lost_answer', ...CREATE, effect: false });
    await account.fault({ kind: 'lost_answer', ...CREATE });
    await expect(create()).rejects.toThrow();
    expect(await labels()).toEqual([]);
    await expect(create()).rejects.toThrow();
    expect(await labels()).toEqual(['app']);
    expect(account.ledger().calls.find((each) => each.status === 0)).toMatchObject({ route: 'POST /linode/instances', count: 2 });
  });

  it('delay: the call waits, then goes on', async () => {
    await account.fault({ kind: 'delay', ...CREATE, ms: 150 });
    const startMs = performance.now();
    expect((await create()).status).toBe(200);
    expect(performance.now() - startMs).toBeGreaterThan(140);
  });

  it('delay: does not hold up the end of the emulator', async () => {
    await account.fault({ kind: 'delay', ...CREATE, ms: 600_000 });
    const waiting = create().catch(() => 'cut');
    await expect.poll(async () => ((await account.callControl('GET', '/faults')).body['faults'] as unknown[]).length).toBe(0);
    await account.close();
    expect(await waiting).toBe('cut');
  });

  it('stale: lists show what was there some time ago; single things are as they are', async () => {
    const { id } = await account.create({ label: 'young' });
    await account.fault({ kind: 'stale', age_s: 600, path: '/linode/instances', count: 2 });
    expect(await labels()).toEqual([]);
    expect((await account.call('GET', `/linode/instances/${id}`)).status).toBe(200);
    await account.call('DELETE', `/linode/instances/${id}`);
    expect(await labels()).toEqual([]);
    expect(await labels()).toEqual([]);
  });

  it('stale: a machine that was deleted is still listed', async () => {
    const { id } = await account.create({ label: 'old' });
    await account.fault({ kind: 'stale', age_s: 1, path: '/linode/instances', count: null });
    expect(await labels()).toEqual([]);
    await expect.poll(labels, { timeout: 5000, interval: 20 }).toEqual(['old']);
    await account.call('DELETE', `/linode/instances/${id}`);
    expect(await labels()).toEqual(['old']);
    await account.callControl('DELETE', '/faults');
    expect(await labels()).toEqual([]);
  });

  it('quota and no_capacity: refusals in the words of the vendor, or in others', async () => {
    await account.fault({ kind: 'quota', ...CREATE });
    await account.fault({ kind: 'no_capacity', ...CREATE });
    await account.fault({ kind: 'quota', ...CREATE, text: 'no more' });
    expect((await create()).body).toEqual({ errors: [{ reason: 'Account Limit reached. Please open a support ticket.' }] });
    expect((await create()).text).toContain('no open slots for this plan');
    expect((await create()).body).toEqual({ errors: [{ reason: 'no more' }] });
    expect(account.ledger().created).toBe(0);
  });

  it('busy: 400 with its exact words', async () => {
    const { id } = await account.create();
    await account.fault({ kind: 'busy', method: 'DELETE', path: '/linode/instances/*' });
    const refused = await account.call('DELETE', `/linode/instances/${id}`);
    expect([refused.status, refused.body]).toEqual([400, { errors: [{ reason: 'Linode busy.' }] }]);
    expect((await account.call('DELETE', `/linode/instances/${id}`)).body).toEqual({});
  });

  it('unauthorized: 401 until it is taken back', async () => {
    await account.fault({ kind: 'unauthorized', count: null });
    for (let n = 0; n < 3; n++) expect((await account.call('GET', '/profile')).body).toEqual({ errors: [{ reason: 'Invalid Token' }] });
    await account.callControl('DELETE', '/faults');
    expect((await account.call('GET', '/profile')).status).toBe(200);
  });

  it('machines that boot slowly, get stuck or never listen', async () => {
    const set = (body: unknown) => account.callControl('POST', '/boot-faults', body);
    const statusOf = async (id: number) => (await account.call('GET', `/linode/instances/${id}`)).body['status'];
    expect((await set({ stuck_in: 'provisioning' })).status).toBe(200);
    const stuck = await account.create({ label: 'stuck' });
    expect((await set({ stuck_in: 'booting' })).status).toBe(200);
    const hangs = await account.create({ label: 'hangs' });
    const well = await account.create({ label: 'well' });
    await expect.poll(() => statusOf(well.id), { timeout: 5000, interval: 10 }).toBe('running');
    await expect.poll(() => statusOf(hangs.id), { timeout: 5000, interval: 10 }).toBe('booting');
    expect(await statusOf(stuck.id)).toBe('provisioning');
    // It can still be deleted, and nothing can be started on it.
    expect((await account.call('POST', `/linode/instances/${stuck.id}/boot`)).body).toEqual({ errors: [{ reason: 'Linode busy.' }] });
    expect((await account.call('DELETE', `/linode/instances/${stuck.id}`)).status).toBe(200);
    expect((await set({ stuck_in: 'never' })).status).toBe(400);
  });
});

describe('the control API', () => {
  let account: LinodeAccount;
  beforeEach(async () => {
    account = await openAccount();
  });
  afterEach(() => account.close());

  it('lists, shows and takes back faults; refuses what it does not know', async () => {
    await account.fault({ kind: 'busy', path: '/linode/instances/*/boot', count: 5 });
    const listed = (await account.callControl('GET', '/faults')).body['faults'] as { id: number; met: number; fault: unknown }[];
    expect(listed).toMatchObject([{ id: 1, met: 0, fault: { kind: 'busy', method: '*', count: 5, skip: 0 } }]);
    expect((await account.callControl('DELETE', '/faults/1')).status).toBe(200);
    expect((await account.callControl('DELETE', '/faults/1')).status).toBe(404);
    for (const bad of [{ kind: 'flood' }, { kind: 'busy', cuont: 1 }, { kind: 'busy', count: 0 }, { kind: 'delay' }, { kind: 'busy', path: 'x' }]) {
      expect((await account.callControl('POST', '/faults', bad)).status, JSON.stringify(bad)).toBe(400);
    }
    expect((await account.callControl('GET', '/nothing')).status).toBe(404);
    expect((await account.callControl('PUT', '/faults')).status).toBe(405);
  });

  it('is not for browsers', async () => {
    expect((await fetch(`${account.controlUrl}/ledger`, { headers: { origin: 'https://example.com' } })).status).toBe(403);
  });

  it('shows machines and the ledger', async () => {
    const { id, ipv4 } = await account.create({ label: 'app', tags: ['one', 'two'] });
    const machines = (await account.callControl('GET', '/machines')).body['machines'];
    expect(machines).toMatchObject([{ id: String(id), label: 'app', tags: ['one', 'two'], public_ipv4: ipv4[0], private_ipv4: ipv4[1], pid: null }]);
    expect((await account.callControl('GET', '/machines/app')).body).toMatchObject({ id: String(id) });
    await account.call('DELETE', `/linode/instances/${id}`);
    expect((await account.callControl('GET', '/ledger')).body).toMatchObject({
      created: 1,
      deleted: 1,
      living: 0,
      machines: [{ label: 'app', tags: ['one', 'two'] }],
    });
    expect((await account.callControl('GET', `/machines/${id}`)).status).toBe(404);
    expect((await account.callControl('POST', `/machines/${id}/sick`)).status).toBe(404);
  });

  it('refuses load on a machine that does not run', async () => {
    await account.callControl('POST', '/boot-faults', { stuck_in: 'provisioning' });
    await account.create({ label: 'app' });
    for (const verb of ['load', 'sick', 'well', 'kill']) {
      const refused = await account.callControl('POST', `/machines/app/${verb}`, {});
      expect([refused.status, refused.body['error']], verb).toEqual([409, 'app is provisioning, not running']);
    }
  });
});
