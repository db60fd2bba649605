import type { InstanceRow } from '../../ports/ports.ts';
import type { Invariant } from '../watch.ts';
import type { SimWorld } from '../world.ts';
import { cloudOf, isForgotten, machineOf, ours } from './ground-truth.ts';

/** The books and the world agree about who exists. */
export const noGhost: Invariant = {
  id: 'I7',
  title: 'No ghost: no instance is struck while its machine runs, and in the end none is kept whose machine is gone',
  open(world, fail) {
    const wishedMono = new Map<string, number>();
    return {
      restored: () => wishedMono.clear(),
      commit: ({ moved }) => {
        for (const { was, row } of moved) {
          if (was === undefined) wishedMono.set(row.id, world.now);
          if (row.state !== 'gone' || was === undefined || was.state === 'gone' || isForgotten(row)) continue;
          const wrong = row.machineId === null ? struckLaunch(world, row, wishedMono.get(row.id) ?? world.now) : struckMachine(world, row, row.machineId);
          if (wrong) fail(wrong);
          wishedMono.delete(row.id);
        }
      },
      unsettled: () => world.scenario.groups.flatMap((g) => world.rows(g.spec.name).flatMap((row) => ghost(world, row))),
    };
  },
};

function struckMachine(world: SimWorld, row: InstanceRow, id: string): string | null {
  const cloud = cloudOf(world, row.group);
  const machine = machineOf(world, cloud, id);
  // An id that is somebody else's by now is not the machine that was ours.
  if (!machine || machine.state === 'deleting' || world.planted.has(`${cloud} ${id}`) || machine.owner?.token !== row.token) return null;
  return `${row.id} is struck from the books and ${id} is ${machine.state}`;
}

/** A launch without an answer is given up only after the cloud could have shown its machine. */
function struckLaunch(world: SimWorld, row: InstanceRow, wishedMono: number): string | null {
  const name = cloudOf(world, row.group);
  const cloud = world.clouds.get(name);
  const machine = ours(world, name, row.group).find((m) => m.owner?.token === row.token && m.state !== 'deleting');
  const ageMs = cloud?.ageMs(machine?.id ?? '') ?? 0;
  // A restored store counts its launches anew: the machine is of an earlier one of that number.
  if (!cloud || !machine || ageMs > world.now - wishedMono) return null;
  return ageMs > cloud.can.consistencyMs + cloud.can.callLimitMs
    ? `launch ${row.id} is given up and its machine ${machine.id} exists for ${ageMs / 1000} s`
    : null;
}

function ghost(world: SimWorld, row: InstanceRow): string[] {
  if (row.machineId === null || machineOf(world, cloudOf(world, row.group), row.machineId)) return [];
  return [`${row.id} is ${row.state} and its machine ${row.machineId} is gone`];
}
