import { readFileSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import { freePort } from '../../../../test/support/daemon.ts';
import { fingerprint, type RealHaproxy, startRealHaproxy } from '../../../../test/support/haproxy.ts';
import { sendRequests, startTestMember, type TestMember } from '../../../../test/support/member.ts';
import { realPorts } from '../../../../test/support/ports.ts';
import { describeWith } from '../../../../test/support/real.ts';
import type { Balancer } from '../../../ports/balancer.ts';
import { balancerContract } from '../../../testing/balancer-contract.ts';
import { manifest } from './driver.ts';

const FOREIGN = /^(fixed|legacy)/;
/** Servers of other people in both backends: one out, one in without weight, one that looks like a slot of another template. */
function withForeign(config: string): string {
  const lines = '  server fixed1 127.0.0.1:9 disabled\n  server legacy 127.0.0.1:2 weight 0\n';
  return config.replace(/^(backend (?:web|api)\n)/gm, `$1${lines}`);
}

const open = (given: Record<string, unknown>): Promise<Balancer> => manifest.open(manifest.options.parse(given), realPorts());
const signal = () => AbortSignal.timeout(15_000);

interface Kind {
  readonly backend: 'web' | 'api';
  readonly options: Readonly<Record<string, unknown>>;
}
const SLOTS: Kind = { backend: 'web', options: { backend: 'web' } };
const DYNAMIC: Kind = { backend: 'api', options: { backend: 'api', server_options: 'inter 150ms fall 3 rise 2' } };

async function setUp(kind: Kind, over: 'socket' | 'address') {
  const haproxy = await startRealHaproxy(withForeign);
  const members: TestMember[] = [];
  let started = 0;
  const balancer = await open({ ...kind.options, [over]: haproxy[over] });
  return {
    haproxy,
    members,
    balancer,
    startMember: async (ready = true) => {
      const member = await startTestMember(`m-${++started}`, ready);
      members.push(member);
      return member;
    },
    send: (n: number, path = '/') => sendRequests(`${haproxy[kind.backend]}${path}`, n),
    foreign: () => fingerprint(haproxy, kind.backend, FOREIGN),
    unreachable: async () =>
      over === 'socket' ? open({ ...kind.options, socket: `${haproxy.socket}.none` }) : open({ ...kind.options, address: `127.0.0.1:${await freePort()}` }),
    close: async () => {
      await haproxy.close();
      await Promise.all(members.map((m) => m.stop()));
    },
  };
}

describeWith(['haproxy'], 'real HAProxy', () => {
  for (const over of ['socket', 'address'] as const) {
    balancerContract(`haproxy, slots, ${over}`, manifest.can, () => setUp(SLOTS, over));
    balancerContract(`haproxy, dynamic, ${over}`, manifest.can, () => setUp(DYNAMIC, over));
  }

  describe('restart', () => {
    let rig: Awaited<ReturnType<typeof setUp>>;
    afterEach(() => rig?.close());
    const restart = async (haproxy: RealHaproxy) => {
      await haproxy.kill();
      await haproxy.start();
    };
    const attachTwo = async (balancer: Balancer) => {
      const two = [await rig.startMember(), await rig.startMember()];
      return Promise.all(two.map((m) => balancer.attach({ instance: m.name, address: m.address, port: m.port, weight: null }, signal())));
    };

    it('with a state file: slots come back with their members and serve at once', async () => {
      rig = await setUp(SLOTS, 'socket');
      const balancer = await open({ ...SLOTS.options, socket: rig.haproxy.socket, state_file: rig.haproxy.stateFile });
      await attachTwo(balancer);
      const before = (await balancer.members(signal())).items.map(({ ref, address, port, state }) => ({ ref, address, port, state }));
      expect(before).toHaveLength(2);
      await restart(rig.haproxy);
      const after = (await balancer.members(signal())).items.map(({ ref, address, port, state }) => ({ ref, address, port, state }));
      expect(after).toEqual(before);
      const sent = await rig.send(40);
      expect(sent).toMatchObject({ failed: 0, byStatus: { 200: 40 } });
      expect(Object.keys(sent.byMember).sort()).toEqual(['m-1', 'm-2']);
    });

    it('with a state file: a detached member stays out, and the file names no member that is joining as usable', async () => {
      rig = await setUp(SLOTS, 'socket');
      const balancer = await open({ ...SLOTS.options, socket: rig.haproxy.socket, state_file: rig.haproxy.stateFile });
      const [first = ''] = await attachTwo(balancer);
      // A third one that never passes, while another change saves the file.
      const late = await rig.startMember(false);
      const joining = balancer.attach({ instance: late.name, address: late.address, port: late.port, weight: null }, signal()).catch((e: unknown) => e);
      await poll(async () => (await balancer.members(signal())).items.some((m) => m.port === late.port && m.state === 'joining'));
      await balancer.detach(first, signal());
      expect(readFileSync(rig.haproxy.stateFile, 'utf8')).toMatch(new RegExp(` app\\d+ 127\\.0\\.0\\.1 0 5 .* ${late.port} `));
      await restart(rig.haproxy);
      const listed = (await balancer.members(signal())).items;
      expect(listed.map((m) => m.state).sort()).toEqual(['out', 'ready']);
      expect(listed.find((m) => m.port === late.port)?.state).toBe('out');
      const sent = await rig.send(20);
      // All of it, and beside it what HAProxy holds of its servers: who answered in place of m-2 would be the question.
      expect(sent, await rig.haproxy.ask('show servers state web')).toEqual({ total: 20, failed: 0, byMember: { 'm-2': 20 }, byStatus: { 200: 20 } });
      // The attach under way sees what happened, or (had it asked while HAProxy was away) that nobody answered; and the next one goes through.
      expect(await joining).toMatchObject({ code: expect.stringMatching(/^(conflict|unreachable)$/) });
      late.setReady(true);
      await balancer.attach({ instance: late.name, address: late.address, port: late.port, weight: null }, signal());
      expect((await rig.send(40)).byMember[late.name] ?? 0).toBeGreaterThan(0);
    });

    it.each([SLOTS, DYNAMIC])('without a state file: $backend is empty at once, and members attach again', async (kind) => {
      rig = await setUp(kind, 'socket');
      await attachTwo(rig.balancer);
      await restart(rig.haproxy);
      expect((await rig.balancer.members(signal())).items).toEqual([]);
      for (const m of rig.members) await rig.balancer.attach({ instance: m.name, address: m.address, port: m.port, weight: null }, signal());
      expect((await rig.balancer.members(signal())).items).toHaveLength(2);
      expect(await rig.send(20)).toMatchObject({ failed: 0 });
    });
  });

  describe('oddities', () => {
    let rig: Awaited<ReturnType<typeof setUp>>;
    afterEach(() => rig?.close());
    const request = (m: TestMember) => ({ instance: m.name, address: m.address, port: m.port, weight: null });

    it('does not take the check result of a slot’s previous member for the next one’s', async () => {
      rig = await setUp(SLOTS, 'socket');
      const balancer = await open({ backend: 'web', slots: 'app', socket: rig.haproxy.socket });
      const good = await rig.startMember();
      const ref = await balancer.attach(request(good), signal());
      await balancer.detach(ref, signal());
      const bad = await rig.startMember(false);
      const failure = await balancer.attach(request(bad), AbortSignal.timeout(1000)).catch((e: unknown) => e);
      expect(failure).toMatchObject({ code: 'unreachable', message: expect.stringContaining('has not passed HAProxy') });
      expect(bad.seen()).toBe(0);
      // And it left nothing behind.
      expect((await balancer.members(signal())).items).toEqual([]);
    });

    it('cuts what is still open after `cut_after`, and the slot is clean', async () => {
      rig = await setUp(SLOTS, 'socket');
      const balancer = await open({ backend: 'web', socket: rig.haproxy.socket, cut_after: '300ms' });
      const a = await rig.startMember();
      const ref = await balancer.attach(request(a), signal());
      const stuck = rig.send(1, '/wait?ms=30000');
      await poll(async () => a.open() === 1);
      await balancer.detach(ref, signal());
      expect((await stuck).failed).toBe(1);
      expect(await fingerprint(rig.haproxy, 'web', /^app1$/)).toMatch(/ app1 127\.0\.0\.1 1 5 100 100 /);
    });

    it('sets a weight, and gives the slot its own back', async () => {
      rig = await setUp(SLOTS, 'socket');
      const a = await rig.startMember();
      const ref = await rig.balancer.attach({ ...request(a), weight: 7 }, signal());
      expect(await fingerprint(rig.haproxy, 'web', /^app1$/)).toMatch(/ 7 100 -$/);
      await rig.balancer.detach(ref, signal());
      expect(await fingerprint(rig.haproxy, 'web', /^app1$/)).toMatch(/ 100 100 -$/);
    });

    it('says no-capacity when every slot is in use, and joins without a check where there is none', async () => {
      rig = await setUp(SLOTS, 'socket');
      const small = await startRealHaproxy((c) => c.replace('app 1-50 127.0.0.1:1 disabled check', 'app 1-1 127.0.0.1:1 disabled'));
      try {
        const balancer = await open({ backend: 'web', socket: small.socket });
        const [a, b] = [await rig.startMember(), await rig.startMember()];
        await balancer.attach(request(a), signal());
        expect(await sendRequests(small.web, 5)).toMatchObject({ failed: 0, byMember: { [a.name]: 5 } });
        await expect(balancer.attach(request(b), signal())).rejects.toMatchObject({ code: 'no-capacity', definite: true });
        expect((await balancer.members(signal())).items).toHaveLength(1);
      } finally {
        await small.close();
      }
    });

    it('tells what is wrong with the set-up', async () => {
      rig = await setUp(SLOTS, 'socket');
      const a = await rig.startMember();
      const none = await open({ backend: 'nope', socket: rig.haproxy.socket });
      await expect(none.members(signal())).rejects.toMatchObject({ code: 'not-found' });
      const template = await open({ backend: 'api', mode: 'slots', slots: 'app', socket: rig.haproxy.socket });
      await expect(template.attach(request(a), signal())).rejects.toMatchObject({ code: 'bad-request', message: expect.stringContaining('server-template') });
      const words = await open({ ...DYNAMIC.options, server_options: 'nonsense', socket: rig.haproxy.socket });
      await expect(words.attach(request(a), signal())).rejects.toMatchObject({ code: 'bad-request', message: expect.stringContaining('server_options') });
      await expect(rig.balancer.attach({ ...request(a), address: 'web.example' }, signal())).rejects.toMatchObject({ code: 'bad-request' });
      const weak = await startRealHaproxy((c) => c.replace(/(admin\.sock mode 660 level) admin/, '$1 operator'));
      try {
        const balancer = await open({ backend: 'web', socket: weak.socket });
        await expect(balancer.attach(request(a), signal())).rejects.toMatchObject({ code: 'unauthorized', message: expect.stringContaining('level admin') });
      } finally {
        await weak.close();
      }
    });
  });
});

async function poll(holds: () => Promise<boolean>): Promise<void> {
  for (const end = performance.now() + 10_000; !(await holds()); ) {
    if (performance.now() > end) throw new Error('did not come true within 10 s');
    await new Promise((go) => setTimeout(go, 20));
  }
}
