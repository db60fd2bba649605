/** The same run for machines that a shell script of twenty lines makes: any cloud with a command line. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { explained, isBeingCreated, ledger, round, settled, told } from '../support/e2e-run.ts';
import { allEvents, CLOUD_SH, instances, openWorld, RATE, SIZE, type World } from '../support/e2e-world.ts';
import { describeWith } from '../support/real.ts';

/** Calls that change the cloud, as the script wrote them down: its verb and the token or machine. */
function diary(world: World, verb: 'create' | 'delete'): string[] {
  const lines = readFileSync(join(world.dir, 'diary'), 'utf8').trim().split('\n');
  return lines.filter((line) => line.startsWith(`${verb} `)).map((line) => line.slice(verb.length + 1));
}

describeWith(['haproxy', 'prometheus', 'prometheus-alertmanager', 'prometheus-node-exporter'], 'a group over a shell script follows its load', () => {
  let world: World;
  let killedAt: string;
  beforeAll(async () => {
    world = await openWorld('exec');
    await told(world, () => settled(world, SIZE.base));
    world.load.rate = RATE.base;
  });
  afterAll(async () => {
    await world?.close();
  });

  it('has a cloud of at most twenty lines', () => {
    expect(readFileSync(CLOUD_SH, 'utf8').trim().split('\n').length).toBeLessThanOrEqual(20);
  });

  it('out and in, and the controller is killed in the middle of a create', () =>
    told(world, async () => {
      await round(world, {
        coming: (row) => {
          if (!isBeingCreated(row)) return false;
          killedAt = row.id;
          return true;
        },
      });
    }));

  it('made the machine of that create once, however often it was asked for', () =>
    told(world, async () => {
      const row = (await instances(world, true)).find((i) => i.id === killedAt);
      const events = (await allEvents(world)).filter((e) => e.data['instance'] === killedAt);
      expect(row?.serving_since).not.toBeNull();
      expect(events.filter((e) => e.type === 'instance.booting')).toHaveLength(1);
      const asked = diary(world, 'create').filter((token) => token.endsWith(`.${row?.n}`));
      expect(asked.length).toBeGreaterThanOrEqual(1);
    }));

  it('out and in, and the controller is killed before the alert and while machines leave', () =>
    told(world, () => round(world, { beforeAlert: true, leaving: true })));

  it('its books, the cloud, the balancer and Prometheus agree at the end', () =>
    told(world, async () => {
      await ledger(world, SIZE.base);
      const cloud = join(world.dir, 'cloud');
      const machines = readdirSync(cloud).filter((name) => !name.startsWith('port-'));
      const living = await instances(world);
      expect(machines.sort()).toEqual(living.map((i) => i.machine ?? '').sort());
      expect(
        readdirSync(cloud)
          .filter((name) => name.startsWith('port-'))
          .map((name) => readlinkSync(join(cloud, name)).slice(1))
          .sort(),
      ).toEqual(machines);
      const created = new Set(diary(world, 'create'));
      const deleted = new Set(diary(world, 'delete'));
      expect(created.size).toBe(deleted.size + SIZE.base);
    }));

  it('says why, for every decision of the run, and makes each again the same', () =>
    told(world, async () => {
      expect(await explained(world, 'each kind')).toBeGreaterThan(20);
      const { requests } = world.load.count();
      process.stdout.write(`${requests} requests, ${world.controller.starts} starts of the controller\n`);
    }));
});
