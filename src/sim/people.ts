import type { GroupSpec } from '../core/model/model.ts';
import type { Actor } from '../engine/operations.ts';
import type { InstanceRow, NewEvent } from '../ports/ports.ts';
import type { Dice } from './dice.ts';
import type { SimProcess } from './process.ts';
import type { Acknowledged } from './watcher.ts';
import type { SimWorld } from './world.ts';

export const OPS: Actor = { name: 'ops', role: 'operator' };

/** One order of a person, through the door that the API uses, at any controller that answers. What is acknowledged binds. */
export function askSomething(world: SimWorld, d: Dice, what: 'people' | 'reload'): void {
  const group = d.pick(world.scenario.groups).spec.name;
  const running = world.running();
  if (running.length === 0) return;
  const process = d.pick(running);
  if (what === 'reload') return reload(world, d, process, group);
  const rows = world.rows(group);
  const row = rows.length > 0 ? d.pick(rows) : null;
  const order = d.pick([
    'protect',
    'unprotect',
    'drain',
    'replace',
    'standby',
    'back',
    'pause',
    'pause all',
    'resume',
    'scale',
    'scale',
    'forget',
    'evaluate',
  ] as const);
  world.true(`a person tells ${process.name}: ${order} ${row?.id ?? group}`);
  if (row && (order === 'protect' || order === 'unprotect' || order === 'standby' || order === 'back')) return flag(world, process, row, order);
  if (row && order === 'drain') return ask(world, process.operating.drain(OPS, row.id, null), { kind: 'drain', group, instance: row.id });
  if (row && order === 'replace') return ask(world, process.operating.replace(OPS, row.id, null), { kind: 'replace', group, instance: row.id });
  if (row && order === 'forget') return ask(world, process.operating.forget(OPS, row.id), { kind: 'forget', group, instance: row.id });
  const { tickMs } = world.scenario;
  const forMs = d.chance(0.3) ? null : d.int(5, 60) * tickMs;
  if (order === 'pause' || order === 'pause all') {
    const which = order === 'pause' ? group : null;
    return ask(world, process.operating.pause(OPS, which, forMs ?? 30 * tickMs, null), { kind: 'pause', group: which });
  }
  if (order === 'resume') return ask(world, process.operating.resume(OPS, d.chance(0.7) ? group : null), { kind: 'resume', group });
  if (order === 'scale') {
    const { min, max } = world.group(group)?.spec ?? { min: 0, max: 1 };
    const size = d.chance(0.3) ? null : d.int(min, max);
    return ask(world, process.operating.scale(OPS, group, d.pick(['floor', 'cap', 'exact']), size, forMs, null), { kind: 'scale', group });
  }
  if (order === 'evaluate') return void process.operating.evaluate(group, {}).catch(() => {});
}

function flag(world: SimWorld, process: SimProcess, row: InstanceRow, order: 'protect' | 'unprotect' | 'standby' | 'back'): void {
  const { operating } = process;
  const on = order === 'protect' || order === 'standby';
  const done = order === 'protect' || order === 'unprotect' ? operating.protect(OPS, row.id, on) : operating.standby(OPS, row.id, on);
  ask(world, done, { kind: order, group: row.group, instance: row.id });
}

/** What changes nothing any more binds from the moment it is asked; what binds, from the moment it is acknowledged. */
function ask(world: SimWorld, done: Promise<unknown>, what: Acknowledged): void {
  const lifts = what.kind === 'unprotect' || what.kind === 'resume';
  if (lifts) world.watch.tell('acknowledged', what);
  done.then(
    () => {
      world.true(`the person hears: ${what.kind} is done`);
      if (!lifts) world.watch.tell('acknowledged', what);
    },
    () => {},
  );
}

/** The file changes and is applied, as app does it: the specs are put, then the engine looks. */
function reload(world: SimWorld, d: Dice, process: SimProcess, group: string): void {
  const row = world.group(group);
  const drawn = world.scenario.groups.find((g) => g.spec.name === group)?.spec;
  if (!row || !drawn) return;
  if (d.chance(0.2)) {
    world.true(`${group} leaves the configuration`);
    ask(
      world,
      process.store.control([{ kind: 'unmanage', group }], [told(world, group, 'config.removed')]).then(() => process.engine.refresh(group)),
      { kind: 'unmanage', group },
    );
    return;
  }
  const spec = changed(drawn, d, `r${world.now}`);
  world.true(`${group} is configured anew: min ${spec.min}, max ${spec.max}, template ${spec.template.id}, ${spec.mode}`);
  put(world, process, spec);
}

export function put(world: SimWorld, process: SimProcess, spec: GroupSpec): void {
  const done = process.store.control([{ kind: 'put-spec', spec }], [told(world, spec.name, 'config.changed')]).then(() => {
    world.watch.tell('reloaded', spec.name, spec);
    return process.engine.refresh(spec.name);
  });
  ask(world, done, { kind: 'reload', group: spec.name });
}

function told(world: SimWorld, group: string, type: string): NewEvent {
  return { atMs: world.clock.wall(), group, type, actor: 'ops', data: {} };
}

function changed(spec: GroupSpec, d: Dice, hash: string): GroupSpec {
  const max = Math.max(spec.min, spec.max + d.int(-3, 2), 1);
  return {
    ...spec,
    hash,
    max,
    min: Math.min(spec.min, max),
    mode: d.chance(0.15) ? 'observe' : 'act',
    template: d.chance(0.3) ? { id: d.pick(['t1', 't2']), options: {} } : spec.template,
    policies: d.chance(0.3) ? spec.policies.slice(0, 1) : spec.policies,
  };
}
