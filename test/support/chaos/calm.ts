import type { ChaosWorld } from './world.ts';

/** Books, cloud and balancers agree, and the load is carried (I4 to I7, I28). Empty when they do. */
export function unsettled(world: ChaosWorld): string[] {
  const wrong: string[] = [];
  const group = world.data.groups.get('web');
  const target = world.process?.engine.runners.get('web')?.state.memory.target ?? -1;
  const { spec } = world.scenario;
  const rows = world.rows();
  for (const r of rows) {
    if (r.state !== 'serving' || r.removalCause !== null)
      wrong.push(`${r.id} is ${r.state} (${r.removalCause ?? ''} ${r.step?.kind ?? ''} ${r.step?.error ?? ''})`);
    else if (r.step !== null) wrong.push(`${r.id} serves with an open step ${r.step.kind}: ${r.step.error ?? ''}`);
    else if (r.health !== 'healthy') wrong.push(`${r.id} serves and is ${r.health}`);
  }
  if (group?.frozen) wrong.push(`frozen: ${group.frozen}`);
  if (rows.length !== target) wrong.push(`${rows.length} rows, target ${target}`);
  const ours = world.cloud.alive().filter((m) => !world.checks.planted.has(m.id));
  same(
    wrong,
    'machines and rows',
    ours.map((m) => m.id),
    rows.map((r) => r.machineId ?? '-'),
  );
  if (new Set(ours.map((m) => m.owner?.token)).size !== ours.length) wrong.push('two machines of one token (I4)');
  for (const [id, machine] of world.checks.planted) {
    const now = world.cloud.alive().find((m) => m.id === id);
    if (JSON.stringify(now) !== JSON.stringify(machine)) wrong.push(`foreign ${id} was changed (I8)`);
  }
  for (const [name, balancer] of world.balancers) {
    const bound = spec.balancers.some((b) => b.balancer === name);
    same(
      wrong,
      `entries of ${name} and rows`,
      balancer.entries().map((e) => `${e.address} ${e.state}`),
      bound ? rows.map((r) => `${r.address} ready`) : [],
    );
    if (balancer.foreign()[0]?.state !== 'ready') wrong.push(`a foreign entry of ${name} was changed (I8)`);
  }
  return [...wrong, ...wrongSize(world, target)];
}

function same(wrong: string[], what: string, a: readonly string[], b: readonly string[]): void {
  const [x, y] = [[...a].sort().join(' '), [...b].sort().join(' ')];
  if (x !== y) wrong.push(`${what}: ${x} | ${y}`);
}

/** The target carries the load, within tolerance and bounds, and no policy would agree to fewer. */
function wrongSize(world: ChaosWorld, target: number): string[] {
  const { spec } = world.scenario;
  const exacts = [world.load / 100, ...(spec.metrics['jobs'] ? [world.jobs / 10] : [])];
  const enough = target >= spec.max || exacts.every((e) => e <= target * 1.1 + 1e-6);
  const wanted = Math.max(...exacts.map((e) => (Math.abs(e / target - 1) <= 0.1 + 1e-6 ? target : Math.ceil(e - 1e-9))));
  const notTooMany = target <= spec.min || wanted >= target;
  return enough && notTooMany ? [] : [`target ${target} for ${exacts.join(' and ')} (min ${spec.min}, max ${spec.max})`];
}
