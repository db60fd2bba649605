import type { InstanceRow } from '../../ports/ports.ts';
import type { Invariant } from '../watch.ts';
import type { SimWorld } from '../world.ts';

/** Liveness: once faults are over, books, cloud and balancers agree within a bounded time, and the load is carried. */
export const convergence: Invariant = {
  id: 'I28',
  title: 'Convergence: without faults everything becomes as it must be, and stays so',
  open: (world) => ({ unsettled: () => world.scenario.groups.flatMap((g) => unsettled(world, g.spec.name)) }),
};

function unsettled(world: SimWorld, name: string): string[] {
  const group = world.group(name);
  const target = group?.memory?.target ?? -1;
  const rows = world.rows(name);
  const wrong = rows.flatMap(notServing);
  const holders = world.running().filter((p) => p.engine.runners.has(name) && p.name === group?.owner);
  if (holders.length !== 1) wrong.push(`${holders.length} controllers look after it, the store says ${group?.owner ?? 'nobody'}`);
  if (group?.frozen) wrong.push(`frozen: ${group.frozen}`);
  if (rows.length !== target) wrong.push(`${rows.length} rows, target ${target}`);
  wrong.push(...wrongSize(world, name, target));
  return wrong.map((text) => `${name}: ${text}`);
}

function notServing(r: InstanceRow): string[] {
  const step = r.step ? `${r.step.kind}: ${r.step.error ?? ''}` : '';
  if (r.state !== 'serving' || r.removalCause !== null) return [`${r.id} is ${r.state} (${r.removalCause ?? ''} ${step})`];
  if (r.step !== null) return [`${r.id} serves with an open step ${step}`];
  return r.health === 'healthy' ? [] : [`${r.id} serves and is ${r.health}`];
}

/** The target carries the load, within tolerance, bounds and quota, and no policy would agree to fewer. */
function wrongSize(world: SimWorld, name: string, target: number): string[] {
  const spec = world.group(name)?.spec;
  if (!spec) return [];
  const exacts = [world.load(name, 'load') / 100, ...(spec.metrics['jobs'] ? [world.load(name, 'jobs') / 10] : [])];
  const enough = target >= spec.max || exacts.every((e) => e <= target * 1.1 + 1e-6);
  const wanted = Math.max(...exacts.map((e) => (Math.abs(e / target - 1) <= 0.1 + 1e-6 ? target : Math.ceil(e - 1e-9))));
  const notTooMany = target <= spec.min || wanted >= target;
  return enough && notTooMany ? [] : [`target ${target} for ${exacts.join(' and ')} (min ${spec.min}, max ${spec.max})`];
}
