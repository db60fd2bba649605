import { LIMITS } from '../../../src/core/fixtures/group.ts';
import { type Case, type Stage, underWay } from './stage.ts';

const MINUTE = 60_000;

const launches = (count: number): { id: string }[] => Array.from({ length: count }, (_, i) => ({ id: `web-${i + 1}` }));
/** I1 to I11. */
export const SAFETY: readonly Case[] = [
  {
    id: 'I1',
    what: 'wishes',
    wrong: (s) => s.commit({ rows: launches(6), target: 6 }),
    right: (s) => s.commit({ rows: launches(5), target: 5 }),
  },
  {
    id: 'I1',
    what: 'machines',
    wrong: (s) => {
      for (let n = 1; n <= 6; n++) s.serving(n);
      s.commit({ rows: [{ id: 'web-7' }] });
    },
    right: (s) => {
      for (let n = 1; n <= 4; n++) s.serving(n);
      s.commit({ rows: [{ id: 'web-5' }], target: 5 });
      s.machine(5);
    },
  },
  {
    id: 'I2',
    what: 'a healthy member goes by our hand',
    wrong: (s) => {
      for (const n of [1, 2]) s.serving(n);
      s.commit({ rows: [{ id: 'web-1', state: 'draining', removalCause: 'scale-in' }], target: 2 });
    },
    right: (s) => {
      for (const n of [1, 2]) s.serving(n);
      s.commit({ rows: [{ id: 'web-1', state: 'draining', removalCause: 'scale-in' }], target: 1 });
    },
  },
  {
    id: 'I3',
    what: 'launches in an hour',
    stage: { spec: { limits: { ...LIMITS, launchesPerHour: 2 } } },
    wrong: (s) => {
      s.commit({ rows: launches(2) });
      s.pass(50 * MINUTE);
      s.commit({ rows: [{ id: 'web-3' }] });
    },
    right: (s) => {
      s.commit({ rows: launches(2) });
      s.pass(61 * MINUTE);
      s.commit({ rows: [{ id: 'web-3' }] });
    },
  },
  {
    id: 'I4',
    what: 'a repeat under a new token',
    wrong: (s) => {
      s.machine(1);
      s.machine(1, { token: 'inst.web.1b' });
    },
    right: (s) => {
      s.machine(1);
      s.machine(2);
    },
  },
  {
    id: 'I4',
    what: 'two machines in the end',
    stage: { idempotency: 'none' },
    wrong: (s) => {
      s.machine(1);
      s.machine(1);
    },
    right: (s) => void s.machine(1),
  },
  {
    id: 'I5',
    what: 'an event for everything that comes and goes',
    wrong: (s) => s.commit({ rows: [{ id: 'web-1' }], events: ['decision'] }),
    right: (s) => {
      s.commit({ rows: [{ id: 'web-1' }], events: ['instance.intent'] });
      s.commit({ rows: [{ id: 'web-1', state: 'gone' }], events: ['launch.failed'] });
      s.watcher.ended?.();
    },
  },
  {
    id: 'I6',
    what: 'a machine without an instance',
    wrong: (s) => void s.machine(1),
    right: (s) => void s.serving(1),
  },
  {
    id: 'I6',
    what: 'an entry without an instance',
    wrong: (s) => void s.world.balancers.get('lb')?.attach({ instance: 'web-9', address: '10.0.9.9', port: 80, weight: null }),
    right: (s) => void s.serving(1),
  },
  {
    id: 'I6',
    what: 'an entry that a restored store knows, left by its instance',
    wrong: (s) => restoredWith(s, 'web'),
    right: (s) => restoredWith(s, 'another group, which is not behind the balancer'),
  },
  {
    id: 'I7',
    what: 'struck while it runs',
    wrong: (s) => {
      s.serving(1);
      s.commit({ rows: [{ id: 'web-1', state: 'gone' }] });
    },
    right: (s) => {
      const { machineId } = s.serving(1);
      s.world.clouds.get('cloud')?.kill(machineId ?? '', 'gone');
      s.commit({ rows: [{ id: 'web-1', state: 'gone' }] });
    },
  },
  {
    id: 'I7',
    what: 'a launch given up while its machine exists',
    wrong: (s) => {
      s.commit({ rows: [{ id: 'web-1', step: underWay('create') }] });
      s.machine(1);
      s.pass(2 * MINUTE);
      s.commit({ rows: [{ id: 'web-1', state: 'gone' }] });
    },
    right: (s) => {
      s.commit({ rows: [{ id: 'web-1', step: underWay('create') }] });
      s.pass(2 * MINUTE);
      s.commit({ rows: [{ id: 'web-1', state: 'gone' }] });
    },
  },
  {
    id: 'I8',
    what: 'a machine that belongs to somebody else',
    wrong: (s) => {
      s.world.clouds.get('cloud')?.plant({ id: 'theirs', owner: { install: 'other', group: 'web', token: 'x', instance: 'x', templateId: 't1' } });
      s.cloudCall('get', 'theirs');
      s.cloudCall('delete', 'theirs');
    },
    right: (s) => {
      const { machineId } = s.serving(1);
      s.cloudCall('get', machineId ?? '');
      s.cloudCall('delete', machineId ?? '');
    },
  },
  {
    id: 'I8',
    what: 'an id that was given to somebody else on the way to its deletion',
    wrong: (s) => passedOn(s, 60_000),
    right: (s) => passedOn(s, 2_000),
  },
  {
    id: 'I8',
    what: 'an entry that belongs to somebody else',
    wrong: (s) => s.balancerCall('detach', 'theirs'),
    right: (s) => s.balancerCall('detach', 's:10.0.0.1:8080'),
  },
  {
    id: 'I9',
    what: 'taken for vanished',
    wrong: (s) => {
      s.serving(1);
      s.commit({ rows: [{ id: 'web-1', state: 'draining', removalCause: 'vanished' }] });
    },
    right: (s) => {
      const { machineId } = s.serving(1);
      s.world.clouds.get('cloud')?.kill(machineId ?? '', 'stopped');
      s.commit({ rows: [{ id: 'web-1', state: 'draining', removalCause: 'vanished' }] });
    },
  },
  {
    id: 'I9',
    what: 'taken for an orphan at first sight',
    wrong: (s) => {
      const { id } = s.machine(1);
      s.pass(2 * MINUTE);
      s.commit({ rows: [{ id: 'web-1', state: 'gone' }] });
      s.cloudCall('list', '');
      s.commit({ rows: [{ id: 'web-7', token: 'inst.web.1', state: 'draining', removalCause: 'orphan', machineId: id }] });
    },
    right: (s) => {
      const { id } = s.machine(1);
      s.commit({ rows: [{ id: 'web-1', state: 'gone' }] });
      s.pass(2 * MINUTE);
      for (let k = 0; k < 3; k++) s.cloudCall('list', '');
      s.commit({ rows: [{ id: 'web-7', token: 'inst.web.1', state: 'draining', removalCause: 'orphan', machineId: id }] });
    },
  },
  {
    id: 'I9',
    what: 'what the books have never held',
    wrong: (s) => {
      const { id } = s.machine(1);
      s.pass(2 * MINUTE);
      for (let k = 0; k < 3; k++) s.cloudCall('list', '');
      s.commit({ rows: [{ id: 'web-7', token: 'inst.web.1', state: 'draining', removalCause: 'orphan', machineId: id }] });
    },
    right: (s) => {
      const { id } = s.machine(1);
      s.commit({ rows: [{ id: 'web-1', state: 'gone' }] });
      s.pass(2 * MINUTE);
      for (let k = 0; k < 3; k++) s.cloudCall('list', '');
      s.commit({ rows: [{ id: 'web-7', token: 'inst.web.1', state: 'draining', removalCause: 'duplicate', machineId: id }] });
    },
  },
  {
    id: 'I10',
    what: 'repeated at once',
    wrong: (s) => {
      s.cloudCall('delete', 'm-1');
      s.pass(500);
      s.cloudCall('delete', 'm-1');
    },
    right: (s) => {
      s.cloudCall('delete', 'm-1');
      s.pass(1_000);
      s.cloudCall('delete', 'm-1');
    },
  },
  {
    id: 'I10',
    what: 'repeated at once, when the row is gone',
    wrong: (s) => deletedAgain(s, 500),
    right: (s) => deletedAgain(s, 1_000),
  },
  {
    id: 'I11',
    what: 'an empty list',
    wrong: (s) => {
      s.serving(1);
      s.pass(6_000);
      s.cloudCall('list', '');
      s.world.mark('list-empty');
      s.commit({ rows: [{ id: 'web-1', state: 'gone', removalCause: 'vanished' }] });
    },
    right: (s) => {
      s.serving(1);
      s.pass(6_000);
      s.cloudCall('list', '');
      s.world.mark('list-empty');
      s.commit({ rows: [{ id: 'web-1', state: 'draining', removalCause: 'scale-in' }] });
    },
  },
];

/** A restored store has an instance with the address of an entry; its machine is gone, and then so is the instance. */
function restoredWith(s: Stage, group: string): void {
  const row = s.serving(1);
  s.setRow({ ...row, group });
  s.world.clouds.get('cloud')?.kill(row.machineId ?? '', 'gone');
  s.watcher.restored?.();
  s.setRow({ ...row, group, state: 'gone' });
}

/** The machine is shown as ours, then somebody else gets its id, then our deletion of it arrives. */
function passedOn(s: Stage, onTheWayMs: number): void {
  const { machineId } = s.serving(1);
  const id = machineId ?? '';
  const cloud = s.world.clouds.get('cloud');
  s.cloudCall('get', id);
  cloud?.kill(id, 'gone');
  cloud?.plant({ id, owner: { install: 'other', group: 'web', token: 'x', instance: 'x', templateId: 't1' } });
  const theirs = cloud?.alive().find((m) => m.id === id);
  if (theirs) s.world.planted.set(`cloud ${id}`, theirs);
  s.pass(onTheWayMs);
  s.cloudCall('delete', id);
  cloud?.kill(id, 'gone');
}

/** The clock of the books was ahead once, so its time and that of no group differ. */
function deletedAgain(s: Stage, afterMs: number): void {
  const { machineId } = s.serving(1, { state: 'terminating', removalCause: 'scale-in' });
  s.commit({ rows: [{ id: 'web-1' }] });
  s.world.clock.jumpWall(5_000);
  s.commit({ rows: [{ id: 'web-1' }], by: s.c2 });
  s.cloudCall('delete', machineId ?? '');
  s.pass(afterMs);
  s.commit({ rows: [{ id: 'web-1', state: 'gone' }], by: s.c2 });
  s.cloudCall('delete', machineId ?? '');
}
