/** A group of real processes behind a real HAProxy follows real load, told by a real Prometheus and Alertmanager, and loses no request. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { realSockets } from '../../src/platform/sockets.ts';
import { explained, isComing, ledger, noFailure, round, settled, told } from '../support/e2e-run.ts';
import { GROUP, instances, openWorld, RATE, SIZE, type World } from '../support/e2e-world.ts';
import { describeWith } from '../support/real.ts';

/** When HAProxy listens again after being started, Unix ms. */
async function listeningAt(world: World): Promise<number> {
  const port = Number(new URL(world.url).port);
  while (!(await realSockets.canConnect({ host: '127.0.0.1', port }, 200))) await new Promise((go) => setTimeout(go, 2));
  return Date.now();
}

describeWith(['haproxy', 'prometheus', 'prometheus-alertmanager', 'prometheus-node-exporter'], 'a group follows its load', () => {
  let world: World;
  beforeAll(async () => {
    world = await openWorld('local');
    await told(world, () => settled(world, SIZE.base));
    world.load.rate = RATE.base;
  });
  afterAll(async () => {
    await world?.close();
  });

  it('out and in, and the controller is killed while machines come', () => told(world, () => round(world, { coming: isComing })));

  it('out and in, and the controller is killed before the alert and while machines leave', () =>
    told(world, () => round(world, { beforeAlert: true, leaving: true })));

  it('HAProxy is killed: requests fail until it listens again, and not one after', () =>
    told(world, async () => {
      world.load.rate = RATE.high;
      await settled(world, SIZE.high);
      noFailure(world);
      const killedMs = Date.now();
      await world.haproxy.kill();
      const [upMs] = await Promise.all([listeningAt(world), world.haproxy.start()]);
      world.load.rate = RATE.base;
      await settled(world, SIZE.base);
      const failures = world.load.failures();
      expect(failures.filter((f) => f.atMs < killedMs || f.sentMs > upMs)).toEqual([]);
      expect(failures.filter((f) => f.what.startsWith('status'))).toEqual([]);
      expect(world.load.count().failed).toBe(failures.length);
    }));

  it('its books, the cloud, the balancer and Prometheus agree at the end', () => told(world, () => ledger(world, SIZE.base)));

  it('says why, for every decision of the run, and makes each again the same', () =>
    told(world, async () => {
      expect(await explained(world, 'every')).toBeGreaterThan(20);
    }));

  it('ends politely when told to, and finds its machines again', () =>
    told(world, async () => {
      const before = (await instances(world)).map((i) => [i.id, i.machine]);
      expect(await world.controller.stop()).toBe(0);
      await world.controller.start();
      await settled(world, SIZE.base);
      expect((await instances(world)).map((i) => [i.id, i.machine])).toEqual(before);
      expect((await world.controller.client.group({ group: GROUP })).problem).toBeNull();
      const { requests, failed } = world.load.count();
      process.stdout.write(`${requests} requests, ${failed} failed while HAProxy was away, ${world.controller.starts} starts of the controller\n`);
    }));
});
