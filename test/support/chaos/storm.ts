import type { Actor } from '../../../src/engine/operations.ts';
import type { InstanceRow } from '../../../src/ports/ports.ts';
import type { Dice } from './dice.ts';
import type { Fault } from './scenario.ts';
import type { ChaosWorld } from './world.ts';

const OPS: Actor = { name: 'ops', role: 'operator' };
/** Classes that happen to the world by themselves, with a chance per step; all others happen to calls. */
const HAPPENINGS: readonly Fault[] = [
  'machine-dies',
  'machine-stops',
  'machine-sick',
  'lb-restart',
  'people',
  'wall-jump',
  'crash',
  'stop',
  'foreign',
  'id-reused',
];

/** Faults come and go in episodes; machines, people and the process have their accidents. */
export async function storm(world: ChaosWorld): Promise<void> {
  const d = world.dice.fork('storm');
  const { faults, stormMs, loadMax } = world.scenario;
  const end = world.clock.mono() + stormMs;
  // One stream per class: leaving a class out does not reshuffle the others.
  const dices = new Map([...faults.keys()].map((fault) => [fault, world.dice.fork(`storm ${fault}`)]));
  while (world.clock.mono() < end && world.checks.found.length === 0) {
    for (const [fault, own] of dices) if (own.chance(0.12)) toggle(world, fault);
    world.allSick = world.raging.has('all-sick');
    if (d.chance(0.15)) world.load = Math.floor(d.unit() * loadMax);
    else world.load = Math.max(0, Math.round(world.load + (d.unit() - 0.5) * loadMax * 0.1));
    if (d.chance(0.1)) world.jobs = Math.floor((d.unit() * loadMax) / 10);
    for (const b of world.balancers.values()) for (const e of b.entries()) if (d.chance(0.2)) b.setSessions(e.address, e.state === 'ready' ? d.int(0, 3) : 0);
    for (const fault of HAPPENINGS) {
      const own = dices.get(fault);
      if (own?.chance((faults.get(fault) ?? 0) * 0.5)) await happen(world, fault, own);
    }
    await world.clock.advance(d.int(200, 5_000));
    if (world.process?.dead && d.chance(0.5)) {
      if (d.chance(0.3)) world.armCrash(d, 30); // and again during the recovery
      await world.start();
    }
  }
}

function toggle(world: ChaosWorld, fault: Fault): void {
  if (world.raging.has(fault)) world.raging.delete(fault);
  else world.raging.add(fault);
  world.note(`episode ${fault} ${world.raging.has(fault) ? 'begins' : 'ends'}`);
}

async function happen(world: ChaosWorld, fault: Fault, d: Dice): Promise<void> {
  const ours = world.cloud.alive('web').filter((m) => !world.checks.planted.has(m.id) && m.state !== 'deleting');
  const machine = ours.length > 0 ? d.pick(ours) : null;
  switch (fault) {
    case 'machine-dies':
    case 'machine-stops':
      if (!machine) return;
      world.note(`${machine.id} ${fault}`);
      world.cloud.kill(machine.id, fault === 'machine-dies' ? 'gone' : 'stopped');
      break;
    case 'machine-sick':
      if (!machine?.address) return;
      if (world.sick.has(machine.address)) world.sick.delete(machine.address);
      else world.sick.add(machine.address);
      world.note(`${machine.id} sick ${world.sick.has(machine.address)}`);
      break;
    case 'lb-restart':
      for (const [name, b] of world.balancers) {
        if (!d.chance(0.5)) continue;
        b.restart();
        world.note(`${name} restarted`);
      }
      break;
    case 'wall-jump': {
      const ms = d.pick([-1, 1]) * Math.round(d.logUniform(1_000, 10_000_000));
      world.clock.jumpWall(ms);
      world.checks.clockSet(world.process?.dead === false);
      world.note(`wall jumps by ${ms / 1000} s`);
      break;
    }
    case 'crash':
      world.armCrash(d, 60);
      return;
    case 'stop':
      await stop(world);
      break;
    case 'id-reused':
      if (!machine) return;
      world.cloud.kill(machine.id, 'gone');
      plant(world, d, machine.id);
      break;
    case 'foreign':
      plant(world, d);
      break;
    case 'people':
      await people(world, d);
      break;
    default:
      return;
  }
  world.mark(fault);
}

/** SIGTERM, and another process later. */
export async function stop(world: ChaosWorld): Promise<void> {
  const { process } = world;
  if (!process || process.dead) return;
  world.note('SIGTERM');
  await world.settle(process.engine.stop());
  process.kill();
  world.checks.processEnded();
}

/** Someone else's machine, perhaps under an id that was ours. */
function plant(world: ChaosWorld, d: Dice, reused?: string): void {
  const id = reused ?? `f-${world.checks.planted.size}`;
  const other = { install: 'other', group: 'web', token: `other.web.${d.int(1, 9)}`, instance: 'web-1', templateId: 't1' };
  const owner = reused === undefined && d.chance(0.5) ? null : other;
  world.cloud.plant({ id, name: d.pick(['web-1', 'web', 'x']), owner });
  const machine = world.cloud.alive().find((m) => m.id === id);
  if (machine) world.checks.planted.set(id, machine);
  world.note(`planted ${id}`);
}

/** One order of a person, through the same door as the API. What is acknowledged binds. */
async function people(world: ChaosWorld, d: Dice): Promise<void> {
  const { process } = world;
  if (!process || process.dead) return;
  const { operating } = process;
  const rows = world.rows();
  const row: InstanceRow | null = rows.length > 0 ? d.pick(rows) : null;
  const order = d.pick([
    'protect',
    'unprotect',
    'drain',
    'replace',
    'standby',
    'back',
    'pause',
    'resume',
    'scale',
    'scale',
    'pause elsewhere',
    'protect elsewhere',
    'forget',
  ] as const);
  world.note(`person: ${order} ${row?.id ?? ''}`);
  const ask = async (job: Promise<unknown>): Promise<boolean> => (await world.settle(job.then(() => true))) === true;
  // Through another tool on the same store, which does not tell this process: the store itself must refuse.
  if (order === 'pause elsewhere') {
    const pause = { untilMs: d.chance(0.3) ? null : world.clock.wall() + d.int(5, 60) * 1_000, by: 'ops', reason: null };
    await world.outsideStore().control([{ kind: 'pause', group: 'web', pause }], []);
    world.checks.paused(true);
  } else if (row && order === 'protect elsewhere') {
    await world.outsideStore().control([{ kind: 'flags', instance: row.id, set: { protected: true } }], []);
    world.checks.protected(row.id, true);
  } else if (order === 'pause') {
    if (await ask(operating.pause(OPS, 'web', d.chance(0.5) ? null : d.int(5, 60) * 1_000, null))) world.checks.paused(true);
  } else if (order === 'resume') {
    world.checks.paused(false);
    await ask(operating.resume(OPS, 'web'));
  } else if (order === 'scale') {
    const { min, max } = world.scenario.spec;
    const size = d.chance(0.2) ? null : d.int(min, max);
    await ask(operating.scale(OPS, 'web', d.pick(['floor', 'cap', 'exact']), size, d.chance(0.7) ? d.int(10, 60) * 1_000 : null, null));
  } else if (row && order === 'unprotect') {
    world.checks.protected(row.id, false);
    await ask(operating.protect(OPS, row.id, false));
  } else if (row && order === 'protect') {
    if (await ask(operating.protect(OPS, row.id, true))) world.checks.protected(row.id, true);
  } else if (row && order === 'drain') await ask(operating.drain(OPS, row.id, null));
  else if (row && order === 'forget') {
    if (row.state !== 'booting' || row.machineId === null) return; // one in a balancer leaves its entries there
    world.checks.forgotten(row.machineId);
    await ask(operating.forget(OPS, row.id));
  } else if (row && order === 'replace') await ask(operating.replace(OPS, row.id, null));
  else if (row) await ask(operating.standby(OPS, row.id, order === 'standby'));
}

/** Every fault off, every wish of people withdrawn, the process alive. */
export async function calmDown(world: ChaosWorld): Promise<void> {
  world.raging.clear();
  world.allSick = false;
  world.sick.clear();
  world.disarmCrash();
  world.note('CALM');
  for (const b of world.balancers.values()) for (const e of b.entries()) b.setSessions(e.address, 0);
  world.load = Math.round(world.scenario.loadMax * 0.45);
  world.jobs = 15;
  // Withdrawn by the store, as another tool would: the process reads it when it is told or started.
  const store = world.outsideStore();
  world.checks.paused(false);
  await store.control(
    [
      { kind: 'pause', group: 'web', pause: null },
      { kind: 'manual', group: 'web', manual: [] },
      ...world.rows().map((r) => ({ kind: 'flags' as const, instance: r.id, set: { protected: false, standby: false } })),
      { kind: 'put-spec', spec: { ...world.scenario.spec, lifecycle: { ...world.scenario.spec.lifecycle, maxAgeMs: null }, hash: 'calm' } },
    ],
    [],
  );
  if (!world.process || world.process.dead) await world.start();
  else await world.settle(world.process.engine.refresh('web'));
}
