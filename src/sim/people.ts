import type { GroupSpec } from '../core/model/model.ts';
import type { Actor } from '../engine/operations.ts';
import type { InstanceRow, NewEvent } from '../ports/ports.ts';
import type { Dice } from './dice.ts';
import type { SimProcess } from './process.ts';
import type { Acknowledged } from './watcher.ts';
import type { SimWorld } from './world.ts';

export const OPS: Actor = { name: 'ops', role: 'operator' };

type Order = { readonly done: Promise<unknown>; readonly what: Acknowledged };
const ORDERS = ['protect', 'unprotect', 'drain', 'replace', 'standby', 'back', 'pause', 'pause all', 'resume', 'scale', 'scale', 'forget', 'evaluate'] as const;

/** One order of a person, through the door that the API uses, at any controller that answers. What is acknowledged binds. */
export function askSomething(world: SimWorld, d: Dice, what: 'people' | 'reload'): void {
  const group = d.pick(world.scenario.groups).spec.name;
  const running = world.running();
  if (running.length === 0) return;
  const process = d.pick(running);
  if (what === 'reload') {
    reload(world, d, process, group);
    return;
  }
  const rows = world.rows(group);
  const row = rows.length > 0 ? d.pick(rows) : null;
  const word = d.pick(ORDERS);
  world.true(`a person tells ${process.name}: ${word} ${row?.id ?? group}`);
  const order = (row && aboutOne(process, row, word)) ?? aboutAll(world, d, process, group, word);
  if (order) ask(world, order.done, order.what);
}

function aboutOne({ operating }: SimProcess, row: InstanceRow, word: (typeof ORDERS)[number]): Order | null {
  const of = { group: row.group, instance: row.id };
  if (word === 'protect' || word === 'unprotect') return { done: operating.protect(OPS, row.id, word === 'protect'), what: { kind: word, ...of } };
  if (word === 'standby' || word === 'back') return { done: operating.standby(OPS, row.id, word === 'standby'), what: { kind: word, ...of } };
  if (word === 'drain') return { done: operating.drain(OPS, row.id, null), what: { kind: word, ...of } };
  if (word === 'replace') return { done: operating.replace(OPS, row.id, null), what: { kind: word, ...of } };
  return word === 'forget' ? { done: operating.forget(OPS, row.id), what: { kind: word, ...of } } : null;
}

function aboutAll(world: SimWorld, d: Dice, { operating }: SimProcess, group: string, word: (typeof ORDERS)[number]): Order | null {
  const { tickMs } = world.scenario;
  const forMs = d.chance(0.3) ? null : d.int(5, 60) * tickMs;
  if (word === 'pause') return { done: operating.pause(OPS, group, forMs ?? 30 * tickMs, null), what: { kind: 'pause', group } };
  if (word === 'pause all') return { done: operating.pause(OPS, null, forMs ?? 30 * tickMs, null), what: { kind: 'pause', group: null } };
  if (word === 'resume') return { done: operating.resume(OPS, d.chance(0.7) ? group : null), what: { kind: 'resume', group } };
  if (word === 'scale') {
    const { min, max } = world.group(group)?.spec ?? { min: 0, max: 1 };
    const size = d.chance(0.3) ? null : d.int(min, max);
    return { done: operating.scale(OPS, group, d.pick(['floor', 'cap', 'exact']), size, forMs, null), what: { kind: 'scale', group } };
  }
  if (word === 'evaluate') operating.evaluate(group, {}).catch(() => {});
  return null;
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
