import type { Machine } from '../../ports/ports.ts';
import type { Invariant } from '../watch.ts';
import type { SimWorld } from '../world.ts';
import { cloudOf, ours } from './ground-truth.ts';

/** Clouds that know a repeated request make no second machine; with the others the second one is found and removed. */
export const oneMachinePerLaunch: Invariant = {
  id: 'I4',
  title: 'One machine per launch, whatever is repeated',
  open: (world, fail) => ({
    made: (cloud, machine) => {
      if (world.clouds.get(cloud)?.can.idempotency === 'none') return;
      const twin = ours(world, cloud, machine.owner?.group).find((m) => m.id !== machine.id && isTwin(m, machine));
      if (twin) fail(`${machine.id} and ${twin.id} are both of launch ${machine.owner?.token} (${machine.owner?.instance})`);
    },
    unsettled: () => world.scenario.groups.flatMap((g) => doubles(world, g.spec.name)),
  }),
};

function isTwin(a: Machine, b: Machine): boolean {
  return a.owner?.token === b.owner?.token || a.owner?.instance === b.owner?.instance;
}

function doubles(world: SimWorld, group: string): string[] {
  const machines = ours(world, cloudOf(world, group), group);
  return machines.flatMap((m, i) => {
    const twin = machines.slice(0, i).find((other) => other.owner?.token === m.owner?.token);
    return twin ? [`${twin.id} and ${m.id} are both of launch ${m.owner?.token}`] : [];
  });
}
