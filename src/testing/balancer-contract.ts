/** What every balancer driver promises, tested with real requests. A driver is excused from a check only by what it declares in `can`. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Balancer, BalancerAbilities, Member, MemberRequest } from '../ports/balancer.ts';
import { DriverError } from '../ports/errors.ts';

/** A real HTTP server on 127.0.0.1. Its answers carry its name; `/wait?ms=N` answers after N ms. */
export interface ContractMember {
  readonly name: string;
  readonly address: string;
  readonly port: number;
  /** While not ready it answers 503 to everything, checks included, as an application that is starting. */
  setReady(ready: boolean): void;
  /** Requests under way, checks apart. */
  open(): number;
  stop(): Promise<void>;
}

export interface Sent {
  readonly total: number;
  /** Answers other than 2xx, and no answer. */
  readonly failed: number;
  readonly byMember: Readonly<Record<string, number>>;
  readonly byStatus: Readonly<Record<string, number>>;
}

export interface BalancerRig {
  readonly balancer: Balancer;
  startMember(ready?: boolean): Promise<ContractMember>;
  /** Sends n requests through the balancer, some at a time. */
  send(n: number, path?: string): Promise<Sent>;
  /** The entries the driver must not touch, as text with nothing volatile in it; there is at least one. */
  foreign(): Promise<string>;
  /** The same driver, pointed at where nothing listens. */
  unreachable(): Promise<Balancer>;
  close(): Promise<void>;
}

const PATIENCE_MS = 15_000;

export function balancerContract(title: string, can: BalancerAbilities, setup: () => Promise<BalancerRig>): void {
  describe(`balancer contract: ${title}`, () => {
    let rig: BalancerRig;
    let foreign: string;
    beforeEach(async () => {
      rig = await setup();
      foreign = await rig.foreign();
    });
    afterEach(async () => {
      // Whatever a check did, the entries of others are as they were.
      try {
        expect(await rig.foreign()).toBe(foreign);
      } finally {
        await rig.close();
      }
    });

    const signal = () => AbortSignal.timeout(PATIENCE_MS);
    const request = (m: ContractMember, weight: number | null = null): MemberRequest => ({ instance: m.name, address: m.address, port: m.port, weight });
    const attach = (m: ContractMember) => rig.balancer.attach(request(m), signal());
    const members = async () => (await rig.balancer.members(signal())).items;
    const find = async (ref: string): Promise<Member | undefined> => (await members()).find((m) => m.ref === ref);

    it('lists nothing of ours at first, completely, and no entries of others', async () => {
      expect(foreign).not.toBe('');
      const list = await rig.balancer.members(signal());
      expect(list.items).toEqual([]);
      expect(list.complete).toBe(true);
      expect(list.asOfMs).toBeGreaterThan(0);
    });

    it('attaches a member: it is listed with its address and gets requests', async () => {
      const a = await rig.startMember();
      const ref = await attach(a);
      expect(await find(ref)).toMatchObject({ address: a.address, port: a.port, state: 'ready' });
      const sent = await rig.send(20);
      expect(sent).toMatchObject({ total: 20, failed: 0, byMember: { [a.name]: 20 } });
    });

    it('attaches the same member again without a second entry', async () => {
      const a = await rig.startMember();
      const ref = await attach(a);
      expect(await attach(a)).toBe(ref);
      expect(await Promise.all([attach(a), attach(a)])).toEqual([ref, ref]);
      expect(await members()).toHaveLength(1);
    });

    it('gives two members attached at once entries of their own', async () => {
      const two = await Promise.all([rig.startMember(), rig.startMember()]);
      const refs = await Promise.all(two.map(attach));
      expect(new Set(refs).size).toBe(2);
      expect(new Set((await members()).map((m) => m.port))).toEqual(new Set(two.map((m) => m.port)));
      const sent = await rig.send(40);
      expect(sent.failed).toBe(0);
      for (const m of two) expect(sent.byMember[m.name] ?? 0).toBeGreaterThan(0);
    });

    it.skipIf(!can.checks)('sends nothing to a member before its check has passed, and no request fails for it', async () => {
      const a = await rig.startMember();
      await attach(a);
      const late = await rig.startMember(false);
      let joined = false;
      const joining = attach(late).finally(() => {
        joined = true;
      });
      joining.catch(() => {});
      // Longer than any check interval in the set-up: at least until its entry is there, and 1.5 s of traffic after.
      await until(async () => (await members()).some((m) => m.port === late.port));
      const end = performance.now() + 1500;
      while (performance.now() < end) expect(await rig.send(20)).toMatchObject({ failed: 0, byMember: { [a.name]: 20 } });
      expect(joined).toBe(false);
      expect((await members()).find((m) => m.port === late.port)?.state).not.toBe('ready');
      late.setReady(true);
      await joining;
      const after = await rig.send(40);
      expect(after.failed).toBe(0);
      expect(after.byMember[late.name] ?? 0).toBeGreaterThan(0);
    });

    it.skipIf(!can.checks)('gives up with `unreachable` when the check has not passed in time, and lets the member join later', async () => {
      const a = await rig.startMember();
      await attach(a);
      const late = await rig.startMember(false);
      const error = await rig.balancer.attach(request(late), AbortSignal.timeout(1500)).catch((e: unknown) => e);
      expect(error).toBeInstanceOf(DriverError);
      expect((error as DriverError).code).toBe('unreachable');
      expect(await rig.send(20)).toMatchObject({ failed: 0, byMember: { [a.name]: 20 } });
      late.setReady(true);
      await attach(late);
      await until(async () => ((await rig.send(20)).byMember[late.name] ?? 0) > 0);
    });

    it('drains: requests under way end well, new ones go elsewhere', async () => {
      const [a, b] = await Promise.all([rig.startMember(), rig.startMember()]);
      const [refA] = await Promise.all([attach(a), attach(b)]);
      const slow = rig.send(8, '/wait?ms=1200');
      await until(async () => a.open() > 0 && b.open() > 0);
      if (can.sessions) await until(async () => ((await find(refA))?.sessions ?? 0) > 0);
      await rig.balancer.drain(refA, signal());
      expect(await rig.send(20)).toMatchObject({ failed: 0, byMember: { [b.name]: 20 } });
      expect((await find(refA))?.state).toBe('draining');
      expect(await slow).toMatchObject({ total: 8, failed: 0 });
      if (can.sessions) await until(async () => (await find(refA))?.sessions === 0);
      else expect((await find(refA))?.sessions ?? null).toBeNull();
    });

    it('brings a drained member back', async () => {
      const a = await rig.startMember();
      const ref = await attach(a);
      await rig.balancer.drain(ref, signal());
      expect(await attach(a)).toBe(ref);
      expect((await find(ref))?.state).toBe('ready');
      expect(await rig.send(10)).toMatchObject({ failed: 0, byMember: { [a.name]: 10 } });
    });

    it('detaches: the entry is gone, the others serve on, and its place can be used again', async () => {
      const [a, b] = await Promise.all([rig.startMember(), rig.startMember()]);
      const [refA] = await Promise.all([attach(a), attach(b)]);
      await rig.balancer.drain(refA, signal());
      await rig.balancer.detach(refA, signal());
      expect(await find(refA)).toBeUndefined();
      await a.stop();
      expect(await rig.send(20)).toMatchObject({ failed: 0, byMember: { [b.name]: 20 } });
      const c = await rig.startMember();
      const refC = await attach(c);
      // A late repeat of the first detach must not reach the newcomer.
      if (refC !== refA) await rig.balancer.detach(refA, signal());
      expect((await rig.send(40)).byMember[c.name] ?? 0).toBeGreaterThan(0);
    });

    it('joins and leaves under constant traffic without one failed request', async () => {
      const first = await rig.startMember();
      await attach(first);
      let stop = false;
      const totals = { total: 0, failed: 0 };
      const traffic = (async () => {
        while (!stop) {
          const sent = await rig.send(20);
          totals.total += sent.total;
          totals.failed += sent.failed;
        }
      })();
      for (let round = 0; round < 2; round++) {
        const next = await rig.startMember();
        const ref = await attach(next);
        await rig.balancer.drain(ref, signal());
        if (can.sessions) await until(async () => (await find(ref))?.sessions === 0);
        await rig.balancer.detach(ref, signal());
        await next.stop();
      }
      stop = true;
      await traffic;
      expect(totals.failed).toBe(0);
      expect(totals.total).toBeGreaterThan(0);
    });

    it('takes a member that is not there for drained and detached', async () => {
      await rig.balancer.drain('never-was', signal());
      await rig.balancer.detach('never-was', signal());
      const a = await rig.startMember();
      const ref = await attach(a);
      await rig.balancer.detach(ref, signal());
      await rig.balancer.detach(ref, signal());
      await rig.balancer.drain(ref, signal());
      expect(await members()).toEqual([]);
    });

    it('says `unreachable` when the balancer does not answer', async () => {
      const balancer = await rig.unreachable();
      const member: MemberRequest = { instance: 'nowhere-1', address: '127.0.0.1', port: 9, weight: null };
      const calls = [balancer.members(signal()), balancer.attach(member, signal()), balancer.drain('x', signal()), balancer.detach('x', signal())];
      for (const result of await Promise.allSettled(calls)) {
        expect(result.status).toBe('rejected');
        const { reason } = result as PromiseRejectedResult;
        expect(reason).toBeInstanceOf(DriverError);
        expect((reason as DriverError).code).toBe('unreachable');
      }
    });
  });
}

/** Asks until it holds; each question is a call to the balancer, so this is no busy loop. */
async function until(holds: () => Promise<boolean>): Promise<void> {
  const end = performance.now() + PATIENCE_MS;
  while (!(await holds())) {
    if (performance.now() > end) throw new Error(`did not come true within ${PATIENCE_MS} ms`);
    await new Promise((go) => setTimeout(go, 20));
  }
}
