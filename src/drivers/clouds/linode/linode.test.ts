import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { freePort } from '../../../../test/support/daemon.ts';
import { type LinodeAccount, linodePorts, openSharedAccount } from '../../../../test/support/linode-account.ts';
import { realPorts } from '../../../../test/support/ports.ts';
import type { Json } from '../../../core/model/json.ts';
import type { Cloud, CreateRequest, Machine } from '../../../ports/cloud.ts';
import { DriverError } from '../../../ports/errors.ts';
import { cloudContract } from '../../../testing/cloud-contract.ts';
import { manifest } from './driver.ts';
import { labelOf } from './label.ts';
import { ownerTags } from './owner-tags.ts';

const FOREVER = new AbortController().signal;
const ports = linodePorts();
const template = (over: object = {}): Json =>
  JSON.parse(
    JSON.stringify(manifest.template.parse({ region: 'eu-central', type: 'g6-nanode-1', image: 'linode/debian12', private_ip: true, ...over })),
  ) as Json;

function open(url: string, over: object = {}, installId = 'inst-a'): Promise<Cloud> {
  const options = manifest.options.parse({ token: { env: 'FULL' }, url, timeout: '5s', consistency: '0s', ...over });
  return manifest.open(options, linodePorts({ installId }));
}

cloudContract('linode, emulated', async () => {
  const world = await openSharedAccount();
  const hanging = await openSharedAccount();
  await hanging.fault({ kind: 'delay', ms: 600_000, count: null });
  return {
    can: manifest.abilities?.(manifest.options.parse({ token: { env: 'FULL' }, consistency: '0s' })) ?? manifest.can,
    open: (installId) => open(world.url, {}, installId),
    openUnusable: () => open(world.url, { token: { env: 'WRONG' } }),
    openHanging: () => open(hanging.url),
    template: template(),
    unknownId: '999999999',
    teardown: async () => {
      await world.close();
      await hanging.close();
    },
  };
});

describe('linode', () => {
  let world: LinodeAccount;
  let n = 0;
  beforeAll(async () => {
    world = await openSharedAccount();
  });
  afterEach(async () => {
    await world.clearFaults();
    for (const { id } of (await world.api<{ data: { id: number }[] }>('GET', '/linode/instances')).data) await world.api('DELETE', `/linode/instances/${id}`);
  });
  afterAll(() => world.close());

  const request = (over: Partial<CreateRequest> = {}): CreateRequest => {
    const instance = `web-abc${++n}`;
    const owner = { install: 'inst-a', group: 'web', token: `inst-a.web.${n}`, instance, templateId: '3f9c2a1b' };
    return { owner, name: instance, template: template(), zone: null, signal: FOREVER, ...over };
  };
  const codeOf = async (call: Promise<unknown>) => {
    const e = await call.then(
      () => null,
      (error: unknown) => error,
    );
    expect(e).toBeInstanceOf(DriverError);
    const { code, definite, message } = e as DriverError;
    return { code, definite, message };
  };
  const living = async () => (await world.api<{ data: Record<string, unknown>[] }>('GET', '/linode/instances')).data;

  describe('a create', () => {
    it('sends everything of the template, with tags and a label of its own', async () => {
      const cloud = await open(world.url);
      const it = request({ template: template({ tags: ['khw', 'autoscale'], user_data: '#cloud-config\n', swap_size: 256 }) });
      const made = await cloud.create(it);
      const [raw] = await living();
      expect(raw).toMatchObject({ region: 'eu-central', type: 'g6-nanode-1', image: 'linode/debian12', has_user_data: true });
      expect(raw?.['label']).toMatch(/^web-[a-z0-9]{25}$/);
      expect(raw?.['tags']).toEqual(expect.arrayContaining(['khw', 'autoscale', 'drover:install=inst-a', 'drover:group=web', 'drover:address=private']));
      expect(made).toMatchObject({ owner: it.owner, name: raw?.['label'], zone: 'eu-central', port: null });
      expect(made.pricePerHour).toBeGreaterThan(0);
      expect((made.paidUntilMs ?? 0) - (made.createdAtMs ?? 0)).toBe(3_600_000);
      expect(Math.abs((made.createdAtMs ?? 0) - Date.now())).toBeLessThan(60_000);
    });

    it('gives the address that the template asks for, also to who lists it later', async () => {
      const cloud = await open(world.url);
      const kinds = { private: {}, public: { address: 'public' }, ipv6: { address: 'ipv6' } } as const;
      const seen: string[] = [];
      for (const [kind, over] of Object.entries(kinds)) {
        const made = await cloud.create(request({ template: template(over) }));
        const listed = (await (await open(world.url)).list(FOREVER)).items.find((m) => m.id === made.id);
        const ips = await world.api<{ ipv4: { public: { address: string }[]; private: { address: string }[] }; ipv6: { slaac: { address: string } } }>(
          'GET',
          `/linode/instances/${made.id}/ips`,
        );
        const truth = kind === 'ipv6' ? ips.ipv6.slaac.address : ips.ipv4[kind as 'public' | 'private'][0]?.address;
        expect([kind, made.address, listed?.address]).toEqual([kind, truth, truth]);
        seen.push(truth ?? '');
      }
      expect(new Set(seen).size).toBe(3);
    });

    it('over a VPC has the address in its subnet', async () => {
      const vpc = await world.api<{ id: number }>('POST', '/vpcs', { label: `net-${Date.now()}`, region: 'eu-central' });
      const subnet = await world.api<{ id: number }>('POST', `/vpcs/${vpc.id}/subnets`, { label: 'a', ipv4: '10.20.0.0/24' });
      const cloud = await open(world.url);
      for (const generation of ['legacy_config', 'linode']) {
        const over = { private_ip: false, vpc: { subnet_id: subnet.id }, interface_generation: generation };
        const made = await cloud.create(request({ template: template(over) }));
        expect(made.address, generation).toMatch(/^10\.20\.0\.\d+$/);
      }
    });

    it('never tells the password of root, and never sends the same twice', async () => {
      const sent: string[] = [];
      const watching = linodePorts({ installId: 'inst-a' });
      const http: typeof watching.http = {
        request: (call) => {
          if (call.method === 'POST') sent.push(String(call.body));
          return watching.http.request(call);
        },
      };
      const cloud = await manifest.open(manifest.options.parse({ token: { env: 'FULL' }, url: world.url }), { ...watching, http });
      await world.fault({ kind: 'quota', method: 'POST', count: 1, text: 'account limit' });
      const refused = await codeOf(cloud.create(request()));
      await cloud.create(request());
      const passwords = sent.map((body) => (JSON.parse(body) as { root_pass: string }).root_pass);
      expect(new Set(passwords).size).toBe(2);
      for (const password of passwords) {
        expect(password).toMatch(/^(?=.*[A-Z])(?=.*[a-z])(?=.*\d).{20,128}$/);
        expect(refused.message).not.toContain(password);
      }
      await cloud.create(request({ template: template({ root_pass: 'none', authorized_keys: ['ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ x'] }) }));
      expect(sent.at(-1)).not.toContain('root_pass');
    });

    it('runs a StackScript with its values', async () => {
      const script = await world.api<{ id: number }>('POST', '/linode/stackscripts', {
        label: 'boot',
        images: ['linode/debian12'],
        script: '#!/bin/bash\n# <UDF name="version" label="Version" />\necho "$VERSION" > version\n',
      });
      const cloud = await open(world.url);
      await cloud.create(request({ template: template({ stackscript: { id: script.id, data: { version: 'v7' } } }) }));
      const wrong = await codeOf(cloud.create(request({ template: template({ stackscript: { id: script.id } }) })));
      expect(wrong).toMatchObject({ code: 'bad-request', definite: true });
    });

    it('that comes back without our tags is undone: its machine would never be found again', async () => {
      const plain = linodePorts({ installId: 'inst-a' });
      // As for a user of the account with restricted rights: the tags of the call are dropped.
      const http: typeof plain.http = {
        request: (call) => {
          const body = call.method === 'POST' ? JSON.stringify({ ...(JSON.parse(String(call.body)) as object), tags: [] }) : call.body;
          return plain.http.request({ ...call, ...(body === undefined ? {} : { body }) });
        },
      };
      const cloud = await manifest.open(manifest.options.parse({ token: { env: 'FULL' }, url: world.url }), { ...plain, http });
      expect(await codeOf(cloud.create(request()))).toMatchObject({ code: 'unauthorized', definite: true, message: expect.stringContaining('unrestricted') });
      expect(await living()).toEqual([]);
      await world.fault({ kind: 'error', method: 'DELETE' });
      expect(await codeOf(cloud.create(request()))).toMatchObject({
        code: 'unknown',
        definite: false,
        message: expect.stringMatching(/delete Linode \d+ by hand/),
      });
    });

    it('is refused for a template that cannot be, before anything is asked', async () => {
      const cloud = await open(world.url);
      expect(await codeOf(cloud.create(request({ template: { region: 'eu-central' } })))).toMatchObject({ code: 'bad-request', definite: true });
      expect(await living()).toEqual([]);
    });
  });

  describe('faults', () => {
    /** The engine calls again with the same request until it is told something definite. */
    const tryTwice = async (cloud: Cloud, it: CreateRequest): Promise<{ first: Awaited<ReturnType<typeof codeOf>>; made: Machine }> => {
      const first = await codeOf(cloud.create(it));
      return { first, made: await cloud.create(it) };
    };

    it.each([
      ['a 500 after the machine was made', { kind: 'error_after', method: 'POST', path: '/linode/instances' }],
      ['an HTML page after the machine was made', { kind: 'error_after', method: 'POST', path: '/linode/instances', body: 'html', status: 502 }],
      ['an answer that is lost', { kind: 'lost_answer', method: 'POST', path: '/linode/instances' }],
    ] as const)('%s: the next try finds it by its label', async (_, fault) => {
      const cloud = await open(world.url);
      await world.fault(fault);
      const it = request();
      const { first, made } = await tryTwice(cloud, it);
      expect(first.definite).toBe(false);
      expect(made.owner).toEqual(it.owner);
      expect((await living()).map((each) => String(each['id']))).toEqual([made.id]);
      expect((await cloud.list(FOREVER)).items.map((m) => m.id)).toEqual([made.id]);
    });

    it.each([
      ['a 500 before anything happened', { kind: 'error', method: 'POST' }, 'unknown', false],
      ['an HTML page of the edge', { kind: 'error', method: 'POST', status: 400, body: 'html' }, 'unreachable', false],
      ['maintenance', { kind: 'error', method: 'POST', status: 503, maintenance: true }, 'unreachable', true],
      ['a 429', { kind: 'throttle', method: 'POST', retry_after_s: null }, 'throttled', true],
      ['a quota', { kind: 'quota', method: 'POST' }, 'quota', true],
      ['no capacity', { kind: 'no_capacity', method: 'POST' }, 'no-capacity', true],
      ['a token that is refused', { kind: 'unauthorized', method: 'POST' }, 'unauthorized', true],
    ] as const)('%s makes nothing', async (_, fault, code, definite) => {
      const cloud = await open(world.url);
      await world.fault(fault);
      expect(await codeOf(cloud.create(request()))).toMatchObject({ code, definite });
      expect(await living()).toEqual([]);
    });

    it('a label that is somebody else’s is a conflict, and their machine is left alone', async () => {
      const cloud = await open(world.url);
      const it = request();
      const label = labelOf(it.name, 'web', it.owner.token, ports.secrets);
      const theirs = { region: 'eu-central', type: 'g6-nanode-1', label };
      const { id } = await world.api<{ id: number }>('POST', '/linode/instances', theirs);
      expect(await codeOf(cloud.create(it))).toMatchObject({ code: 'conflict', definite: true, message: expect.stringContaining(String(id)) });
      expect(await living()).toHaveLength(1);
    });

    it('a label that is taken while the list is behind leaves the outcome open', async () => {
      const cloud = await open(world.url);
      const it = request();
      await world.fault({ kind: 'error_after', method: 'POST', path: '/linode/instances' });
      await world.fault({ kind: 'stale', method: 'GET', path: '/linode/instances', age_s: 60, count: 1 });
      await codeOf(cloud.create(it));
      expect(await codeOf(cloud.create(it))).toMatchObject({ code: 'unknown', definite: false });
      expect((await cloud.create(it)).owner).toEqual(it.owner);
      expect(await living()).toHaveLength(1);
    });

    it('a Linode that is busy is deleted at a later try', async () => {
      const cloud = await open(world.url);
      const { id } = await cloud.create(request());
      await world.fault({ kind: 'busy', method: 'DELETE' });
      expect(await codeOf(cloud.delete(id, FOREVER))).toMatchObject({ code: 'conflict' });
      await cloud.delete(id, FOREVER);
      await cloud.delete(id, FOREVER);
      expect(await cloud.get(id, FOREVER)).toBeNull();
    });

    it('a machine whose tags were lost is not listed, not gone, and stays at its address', async () => {
      const cloud = await open(world.url);
      const made = await cloud.create(request());
      await cloud.list(FOREVER);
      await world.api('PUT', `/linode/instances/${made.id}`, { tags: [] });
      expect((await cloud.list(FOREVER)).items).toEqual([]);
      for (const each of [cloud, await open(world.url)]) {
        expect(await each.get(made.id, FOREVER)).toMatchObject({ id: made.id, owner: null, address: made.address });
      }
    });

    it('one tag of several that is lost makes a machine nobody’s, and still shown', async () => {
      const cloud = await open(world.url);
      const made = await cloud.create(request());
      const { tags } = await world.api<{ tags: string[] }>('GET', `/linode/instances/${made.id}`);
      await world.api('PUT', `/linode/instances/${made.id}`, { tags: tags.filter((tag) => !tag.startsWith('drover:token')) });
      expect((await cloud.list(FOREVER)).items).toMatchObject([{ id: made.id, owner: null }]);
    });
  });

  it('lists over several pages, completely', async () => {
    const cloud = await open(world.url, { page_size: 25 });
    const made: { id: number }[] = [];
    for (let i = 0; i < 60; i++) {
      const tags = ownerTags(request().owner, 'public');
      made.push(await world.api('POST', '/linode/instances', { region: 'eu-central', type: 'g6-nanode-1', label: `page-${i}`, tags }));
    }
    const list = await cloud.list(FOREVER);
    expect([list.complete, list.items.length]).toEqual([true, 60]);
    expect(new Set(list.items.map((m) => m.id))).toEqual(new Set(made.map((m) => String(m.id))));
  });

  it('keeps two installations of one account apart', async () => {
    const [a, b] = await Promise.all([open(world.url, {}, 'inst-a'), open(world.url, {}, 'inst-b')]);
    const ours = await a.create(request());
    const theirs = await b.create(request({ owner: { install: 'inst-b', group: 'web', token: 'inst-b.web.1', instance: 'web-abc1', templateId: 't' } }));
    await world.api('POST', '/linode/instances', { region: 'eu-central', type: 'g6-nanode-1', label: 'by-hand' });
    expect((await a.list(FOREVER)).items.map((m) => m.id)).toEqual([ours.id]);
    expect((await b.list(FOREVER)).items.map((m) => m.id)).toEqual([theirs.id]);
  });

  it('keeps to the limit of creates: those beyond it wait for their turn', async () => {
    const cloud = await open(world.url, { creates_per_15s: 10, concurrency: 50 });
    const started = performance.now();
    await Promise.all(Array.from({ length: 6 }, () => cloud.create(request())));
    // Four at once, then one in 2.5 s.
    expect(performance.now() - started).toBeGreaterThan(4_900);
  }, 30_000);

  it('refuses an id that no Linode has instead of calling it gone', async () => {
    const cloud = await open(world.url);
    for (const id of ['', 'local-3', '../account', '0']) {
      expect(await codeOf(cloud.get(id, FOREVER))).toMatchObject({ code: 'bad-request' });
      expect(await codeOf(cloud.delete(id, FOREVER))).toMatchObject({ code: 'bad-request' });
    }
  });

  it('takes a token that cannot be read for no answer about a machine', async () => {
    const made = await (await open(world.url)).create(request());
    const { secrets } = realPorts();
    for (const over of [{ token: { env: 'DROVER_NO_SUCH_VARIABLE' } }, { ca: './no-such-file.pem' }]) {
      const options = manifest.options.parse({ token: { env: 'PATH' }, url: world.url, ...over });
      const cloud = await manifest.open(options, { ...ports, secrets });
      const code = 'ca' in over ? 'bad-request' : 'unauthorized';
      expect(await codeOf(cloud.get(made.id, FOREVER))).toMatchObject({ code });
      expect(await codeOf(cloud.delete(made.id, FOREVER))).toMatchObject({ code });
    }
    expect(await living()).toHaveLength(1);
  });

  it('looks at the scopes of its token before anything is started', async () => {
    await (await open(world.url)).preflight?.('act', FOREVER);
    const reader = await open(world.url, { token: { env: 'READ' } });
    await reader.preflight?.('read', FOREVER);
    const refused = await codeOf(reader.preflight?.('act', FOREVER) ?? Promise.resolve());
    expect(refused).toMatchObject({
      code: 'unauthorized',
      definite: true,
      message: expect.stringMatching(/linodes:read_only.*needs linodes:read_write.*API Tokens/),
    });
    expect(await codeOf(reader.create(request()))).toMatchObject({ code: 'unauthorized', definite: true });
    const stranger = await open(world.url, { token: { env: 'WRONG' } });
    expect(await codeOf(stranger.preflight?.('read', FOREVER) ?? Promise.resolve())).toMatchObject({ code: 'unauthorized', definite: true });
    const nobody = await open(`http://127.0.0.1:${await freePort()}`);
    expect(await codeOf(nobody.preflight?.('act', FOREVER) ?? Promise.resolve())).toMatchObject({ code: 'unreachable' });
  });

  it('says where a template’s machines would be', async () => {
    const cloud = await open(world.url);
    expect(cloud.place?.(template())).toEqual({ realm: 'linode', region: 'eu-central', network: 'private addresses' });
    expect(cloud.place?.(template({ private_ip: false }))).toMatchObject({ network: 'public addresses' });
    expect(cloud.place?.({})).toBeNull();
  });

  it('tells every machine of the account for discovery, with a token that may only read', async () => {
    const ours = await (await open(world.url)).create(request({ template: template({ tags: ['khw'] }) }));
    const theirs = await world.api<{ id: number }>('POST', '/linode/instances', {
      region: 'us-east',
      type: 'g6-standard-2',
      label: 'by-hand',
      tags: ['khw', 'web-2'],
    });
    const reader = await open(world.url, { token: { env: 'READ' }, discovery_port: 9100 });
    const targets = (await reader.targets?.(FOREVER)) ?? [];
    expect(new Set(targets.map((t) => t.machineId))).toEqual(new Set([ours.id, String(theirs.id)]));
    const target = targets.find((t) => t.machineId === String(theirs.id));
    const ips = await world.api<{ ipv4: { public: { address: string }[] }; ipv6: { slaac: { address: string } } }>('GET', `/linode/instances/${theirs.id}/ips`);
    const wan = ips.ipv4.public[0]?.address;
    expect(target?.target).toBe(`${wan}:9100`);
    expect(target?.labels).toMatchObject({
      __meta_linode_instance_id: String(theirs.id),
      __meta_linode_instance_label: 'by-hand',
      __meta_linode_public_ipv4: wan,
      __meta_linode_public_ipv6: ips.ipv6.slaac.address,
      __meta_linode_region: 'us-east',
      __meta_linode_type: 'g6-standard-2',
      __meta_linode_tags: ',khw,web-2,',
      __meta_linode_backups: 'disabled',
    });
    const narrow = await open(world.url, { token: { env: 'NARROW' } });
    expect(await codeOf(narrow.targets?.(FOREVER) ?? Promise.resolve())).toMatchObject({
      code: 'unauthorized',
      message: expect.stringContaining('ips:read_only'),
    });
  });
});
