/**
 * The promises of a cloud, as tests. Every cloud driver passes them, against the real thing or a faithful emulator.
 * What a cloud cannot do it declares in its abilities; there is no other way to skip.
 */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Json } from '../core/model/json.ts';
import type { Cloud, CloudAbilities, CreateRequest, Machine, OwnerTags } from '../ports/cloud.ts';
import { DRIVER_ERROR_CODES, DriverError } from '../ports/errors.ts';

export interface CloudContractSetup {
  /** As the manifest declares them for the options of this setup. */
  readonly can: CloudAbilities;
  /** Opens the driver anew on the same cloud, as a restarted controller does; with another `installId`, as another installation does. */
  open(installId: string): Promise<Cloud>;
  /** Opens it with credentials (or commands) that the cloud refuses; null where there is nothing to refuse. */
  openUnusable: (() => Promise<Cloud>) | null;
  /** Opens it on a cloud that accepts calls and never answers; null where calls cannot hang. */
  openHanging: (() => Promise<Cloud>) | null;
  /** Options of a small machine that keeps running, as they come out of the driver's template schema. */
  readonly template: Json;
  readonly zone?: string;
  /** A well-formed id that the cloud never gave. */
  readonly unknownId: string;
  /** Longest time, beside `consistencyMs`, until a created machine shows and a deleted one is gone, ms. Default 15,000. */
  readonly settleMs?: number;
  /** Called between looks; a cloud on virtual time moves its clock here. Default: nothing, looks are 50 ms apart. */
  pass?(): Promise<void>;
  /** Destroys everything that the tests may have made. */
  teardown(): Promise<void>;
}

/** Of this run alone: what an interrupted run left behind must not be found by the next. */
const RUN = crypto.randomUUID().slice(0, 8);
const INSTALL = `contract-a-${RUN}`;
const OTHER_INSTALL = `contract-b-${RUN}`;
/** A call given up must end within this time. */
const GIVE_UP_MS = 2000;
const FOREVER = new AbortController().signal;

export function cloudContract(title: string, setup: () => Promise<CloudContractSetup>): void {
  describe(`cloud contract: ${title}`, () => {
    let world: World;
    beforeAll(async () => {
      world = new World(await setup());
    });
    afterEach(async () => {
      await world.deleteAll();
    }, 120_000);
    afterAll(async () => {
      await world?.setup.teardown();
    }, 120_000);
    creating(() => world);
    deleting(() => world);
    failing(() => world);
  });
}

function creating(world: () => World): void {
  it('shows a created machine in list and get, with every owner tag', async () => {
    const w = world();
    const cloud = await w.open();
    const request = w.request();
    const made = await w.create(cloud, request);
    expect(made.owner).toEqual(request.owner);
    const listed = await w.listed(cloud, made.id);
    expect(listed.owner).toEqual(request.owner);
    expect(['pending', 'running']).toContain(listed.state);
    const got = await w.eventually('get to find the machine', async () => await cloud.get(made.id, FOREVER));
    expect(got.id).toBe(made.id);
    expect(got.owner).toEqual(request.owner);
    if (w.setup.can.zones && w.setup.zone !== undefined) expect(got.zone).toBe(w.setup.zone);
  }, 60_000);

  it('lists completely, and says when', async () => {
    const w = world();
    const list = await (await w.open()).list(FOREVER);
    expect(list.complete).toBe(true);
    expect(Number.isFinite(list.asOfMs)).toBe(true);
    for (const machine of list.items) expect(machine.id).not.toBe('');
  });

  it('tells an address where the machine can be reached', async () => {
    const w = world();
    const cloud = await w.open();
    const made = await w.create(cloud, w.request());
    const running = await w.eventually('the machine to run with an address', async () => {
      const machine = await cloud.get(made.id, FOREVER);
      return machine?.state === 'running' && machine.address !== null ? machine : null;
    });
    expect(running.address).not.toBe('');
    if (running.port !== null) expect(running.port).toBeGreaterThan(0);
  }, 60_000);

  it('gives a repeated create the machine of the first', async ({ skip }) => {
    const w = world();
    skip(w.setup.can.idempotency === 'none', 'the cloud declares idempotency: none');
    const cloud = await w.open();
    const request = w.request();
    const first = await w.create(cloud, request);
    await w.listed(cloud, first.id);
    const again = await w.create(cloud, request);
    expect(again.id).toBe(first.id);
    expect(again.owner).toEqual(request.owner);
    expect(await w.withToken(cloud, request.owner.token)).toHaveLength(1);
  }, 60_000);

  it('makes one machine of concurrent creates with one token', async ({ skip }) => {
    const w = world();
    skip(w.setup.can.idempotency === 'none', 'the cloud declares idempotency: none');
    const cloud = await w.open();
    const request = w.request();
    const results = await Promise.allSettled([w.create(cloud, request), w.create(cloud, request), w.create(cloud, request)]);
    const ids = new Set(results.filter((r) => r.status === 'fulfilled').map((r) => r.value.id));
    expect(ids.size).toBe(1);
    // A loser may be told of the conflict, but never gets a machine of its own.
    for (const r of results) if (r.status === 'rejected') expect(r.reason).toBeInstanceOf(DriverError);
    await w.listed(cloud, [...ids][0] as string);
    expect(await w.withToken(cloud, request.owner.token)).toHaveLength(1);
  }, 60_000);

  it('makes distinct machines of concurrent creates with different tokens', async () => {
    const w = world();
    const cloud = await w.open();
    const made = await Promise.all([w.request(), w.request(), w.request()].map((r) => w.create(cloud, r)));
    expect(new Set(made.map((m) => m.id)).size).toBe(3);
    const listed: Machine[] = [];
    for (const m of made)
      listed.push(
        await w.eventually('an address', async () => {
          const machine = await w.listed(cloud, m.id);
          return machine.address === null ? null : machine;
        }),
      );
    expect(new Set(listed.map((m) => `${m.address}:${m.port}`)).size).toBe(3);
    expect(new Set(listed.map((m) => m.owner?.token)).size).toBe(3);
  }, 60_000);

  it('finds its machines again after it was opened anew', async () => {
    const w = world();
    const request = w.request();
    const made = await w.create(await w.open(), request);
    const reopened = await w.open();
    const found = await w.listed(reopened, made.id);
    expect(found.owner).toEqual(request.owner);
    if (w.setup.can.idempotency !== 'none') expect((await w.create(reopened, request)).id).toBe(made.id);
    await reopened.delete(made.id, FOREVER);
    await w.gone(reopened, made.id);
  }, 60_000);

  it('does not list machines of another installation as its own', async () => {
    const w = world();
    const other = await w.open(OTHER_INSTALL);
    const theirs = await w.create(other, w.request({ install: OTHER_INSTALL }));
    await w.listed(other, theirs.id);
    const ours = (await (await w.open()).list(FOREVER)).items;
    const seen = ours.find((m) => m.id === theirs.id);
    if (seen !== undefined) {
      expect(w.setup.can.listsForeign).toBe(true);
      expect(seen.owner?.install).not.toBe(INSTALL);
    }
    for (const m of ours) if (m.owner !== null) expect(m.owner.install).toBe(INSTALL);
  }, 60_000);
}

function deleting(world: () => World): void {
  it('deletes exactly one machine, for good, and may be told again', async () => {
    const w = world();
    const cloud = await w.open();
    const [victim, bystander] = await Promise.all([w.create(cloud, w.request()), w.create(cloud, w.request())]);
    await w.listed(cloud, victim.id);
    await w.listed(cloud, bystander.id);
    await cloud.delete(victim.id, FOREVER);
    await cloud.delete(victim.id, FOREVER);
    await w.gone(cloud, victim.id);
    await cloud.delete(victim.id, FOREVER);
    const kept = await w.listed(cloud, bystander.id);
    expect(['pending', 'running']).toContain(kept.state);
  }, 60_000);

  it('takes deleting an unknown machine for success', async () => {
    const w = world();
    await (await w.open()).delete(w.setup.unknownId, FOREVER);
  });

  it('says null for a machine that does not exist', async () => {
    const w = world();
    expect(await (await w.open()).get(w.setup.unknownId, FOREVER)).toBeNull();
  });
}

function failing(world: () => World): void {
  it('answers every call with a closed error when it is refused', async ({ skip }) => {
    const w = world();
    const open = w.setup.openUnusable;
    if (open === null) return skip('this cloud refuses nobody');
    const cloud = await open();
    for (const [name, call] of calls(w, cloud)) {
      const e = await errorOf(call(FOREVER));
      expect(e, name).toBeInstanceOf(DriverError);
      expect(DRIVER_ERROR_CODES, name).toContain((e as DriverError).code);
      expect((e as DriverError).message, name).not.toBe('');
    }
  }, 60_000);

  it('does nothing once the call is aborted', async () => {
    const w = world();
    const cloud = await w.open();
    for (const [name, call] of calls(w, cloud)) await givesUp(name, call(AbortSignal.abort()));
  }, 20_000);

  it('gives up a hanging call when it is aborted', async ({ skip }) => {
    const w = world();
    const open = w.setup.openHanging;
    if (open === null) return skip('calls to this cloud cannot hang');
    const cloud = await open();
    for (const [name, call] of calls(w, cloud)) await givesUp(name, call(AbortSignal.timeout(100)));
  }, 30_000);
}

type Call = (signal: AbortSignal) => Promise<unknown>;

function calls(w: World, cloud: Cloud): [string, Call][] {
  return [
    ['list', (signal) => cloud.list(signal)],
    ['get', (signal) => cloud.get(w.setup.unknownId, signal)],
    ['create', (signal) => w.create(cloud, w.request({}, signal))],
    ['delete', (signal) => cloud.delete(w.setup.unknownId, signal)],
  ];
}

async function errorOf(call: Promise<unknown>): Promise<unknown> {
  return await call.then(
    (value) => `no error but ${JSON.stringify(value)}`,
    (e: unknown) => e,
  );
}

async function givesUp(name: string, call: Promise<unknown>): Promise<void> {
  let settled: unknown = 'still under way';
  void errorOf(call).then((e) => {
    settled = e;
  });
  await expect.poll(() => settled, { timeout: GIVE_UP_MS, interval: 20, message: `${name} after its abort` }).toBeInstanceOf(DriverError);
  expect((settled as DriverError).code, name).toBe('unreachable');
}

/** The cloud under test and what the tests made in it. */
class World {
  readonly setup: CloudContractSetup;
  readonly #made: { cloud: Cloud; id: string }[] = [];
  #n = 0;

  constructor(setup: CloudContractSetup) {
    this.setup = setup;
  }

  open(install = INSTALL): Promise<Cloud> {
    return this.setup.open(install);
  }

  request(owner: Partial<OwnerTags> = {}, signal: AbortSignal = FOREVER): CreateRequest {
    const instance = `contract-${++this.#n}`;
    const token = `${owner.install ?? INSTALL}-${instance}`;
    return {
      owner: { install: INSTALL, group: 'contract', token, instance, templateId: 'contract-1', ...owner },
      name: instance,
      template: this.setup.template,
      zone: this.setup.can.zones ? (this.setup.zone ?? null) : null,
      signal,
    };
  }

  async create(cloud: Cloud, request: CreateRequest): Promise<Machine> {
    const machine = await cloud.create(request);
    this.#made.push({ cloud, id: machine.id });
    return machine;
  }

  async listed(cloud: Cloud, id: string): Promise<Machine> {
    return await this.eventually(`list to show ${id}`, async () => {
      const list = await cloud.list(FOREVER);
      expect(list.complete).toBe(true);
      return list.items.find((m) => m.id === id) ?? null;
    });
  }

  async withToken(cloud: Cloud, token: string): Promise<Machine[]> {
    return (await cloud.list(FOREVER)).items.filter((m) => m.owner?.token === token && m.state !== 'gone');
  }

  async gone(cloud: Cloud, id: string): Promise<void> {
    await this.eventually(`${id} to be gone`, async () => {
      const listed = (await cloud.list(FOREVER)).items.find((m) => m.id === id);
      const got = await cloud.get(id, FOREVER);
      return (listed === undefined || listed.state === 'gone') && (got === null || got.state === 'gone') ? true : null;
    });
  }

  async eventually<T>(what: string, look: () => Promise<T | null>): Promise<T> {
    let found: T | null = null;
    const timeout = this.setup.can.consistencyMs + (this.setup.settleMs ?? 15_000);
    const tried = async () => {
      found = await look();
      if (found === null) await this.setup.pass?.();
      return found !== null;
    };
    await expect.poll(tried, { timeout, interval: 50, message: `waited for ${what}` }).toBe(true);
    return found as T;
  }

  async deleteAll(): Promise<void> {
    for (const { cloud, id } of this.#made.splice(0)) await cloud.delete(id, FOREVER);
  }
}
