import { group } from '../../../src/core/fixtures/group.ts';
import { type Case, type Stage, underWay } from './stage.ts';

const MINUTE = 60_000;
const HEALTH = group().health;

/** A machine of ours that is deleted as scale-in, the ordinary way. */
function deleted(s: Stage, n: number, cause: 'scale-in' | 'forced' = 'scale-in'): void {
  const row = s.serving(n);
  s.pass(6_000);
  s.commit({ rows: [{ id: row.id, state: 'terminating', removalCause: cause, step: underWay('delete') }] });
  s.cloudCall('delete', row.machineId ?? '');
}

/** I12 to I15. */
export const GUARDS: readonly Case[] = [
  {
    id: 'I12',
    what: 'too many in the window',
    wrong: (s) => {
      for (const n of [1, 2, 3]) deleted(s, n);
    },
    right: (s) => {
      for (const n of [1, 2]) deleted(s, n);
      deleted(s, 3, 'forced');
      s.pass(6 * MINUTE);
      deleted(s, 4);
    },
  },
  {
    id: 'I12',
    what: 'too many of the installation',
    wrong: (s) => s.commit({ rows: [1, 2, 3, 4, 5, 6].map((n) => ({ id: `web-${n}`, state: 'terminating' as const, removalCause: 'vanished' as const })) }),
    right: (s) => s.commit({ rows: [1, 2, 3, 4, 5].map((n) => ({ id: `web-${n}`, state: 'terminating' as const, removalCause: 'vanished' as const })) }),
  },
  {
    id: 'I13',
    what: 'many look sick',
    wrong: (s) => {
      for (const n of [1, 2, 3, 4]) s.serving(n, { health: n < 4 ? 'unhealthy' : 'healthy' });
      s.commit({ rows: [{ id: 'web-1', state: 'draining', removalCause: 'replace-unhealthy' }] });
    },
    right: (s) => {
      for (const n of [1, 2, 3, 4]) s.serving(n, { health: n < 3 ? 'unhealthy' : 'healthy' });
      s.commit({ rows: [{ id: 'web-1', state: 'draining', removalCause: 'replace-unhealthy' }] });
    },
  },
  {
    id: 'I14',
    what: 'a pause that was acknowledged',
    wrong: (s) => {
      s.set({ pause: { untilMs: null, by: 'ops', reason: null } });
      s.watcher.acknowledged?.({ kind: 'pause', group: 'web' });
      s.pass(1);
      s.starts('cloud create');
    },
    right: (s) => {
      s.commit({ rows: [{ id: 'web-1', step: underWay('create') }] });
      s.set({ pause: { untilMs: null, by: 'ops', reason: null } });
      s.watcher.acknowledged?.({ kind: 'pause', group: 'web' });
      s.pass(1);
      s.starts('cloud create');
    },
  },
  {
    id: 'I14',
    what: 'a pause that a clock set back brings into force again',
    wrong: (s) => pauseAgain(s, false),
    right: (s) => pauseAgain(s, true),
  },
  {
    id: 'I14',
    what: 'a protection that was acknowledged',
    wrong: (s) => {
      s.serving(1, { protected: true });
      s.watcher.acknowledged?.({ kind: 'protect', group: 'web', instance: 'web-1' });
      s.commit({ rows: [{ id: 'web-1', state: 'draining', removalCause: 'scale-in' }] });
    },
    right: (s) => {
      s.serving(1, { protected: true });
      s.watcher.acknowledged?.({ kind: 'protect', group: 'web', instance: 'web-1' });
      s.commit({ rows: [{ id: 'web-1', state: 'draining', removalCause: 'vanished' }] });
    },
  },
  {
    id: 'I14',
    what: 'a standby whose removal nobody asked for',
    wrong: (s) => standbyLeaves(s, false),
    right: (s) => standbyLeaves(s, true),
  },
  {
    id: 'I14',
    what: 'a machine to be forgotten',
    wrong: (s) => {
      const { machineId } = s.serving(1, { state: 'gone' });
      s.watcher.acknowledged?.({ kind: 'forget', group: 'web', instance: 'web-1' });
      s.cloudCall('delete', machineId ?? '');
    },
    right: (s) => {
      const { machineId } = s.serving(1, { state: 'gone' });
      s.watcher.acknowledged?.({ kind: 'forget', group: 'web', instance: 'web-1' });
      s.watcher.acknowledged?.({ kind: 'adopt', group: 'web', machine: machineId ?? '' });
      s.cloudCall('delete', machineId ?? '');
    },
  },
  {
    id: 'I15',
    what: 'time to boot',
    wrong: (s) => {
      const { machineId } = s.serving(1, { state: 'booting' });
      s.pass(4 * MINUTE);
      s.commit({ rows: [{ id: 'web-1', state: 'draining', removalCause: 'boot-failed', machineId }] });
    },
    right: (s) => {
      s.commit({});
      const { machineId } = s.serving(1, { state: 'booting' });
      s.pass(5 * MINUTE + 1);
      s.commit({ rows: [{ id: 'web-1', state: 'draining', removalCause: 'boot-failed', machineId }] });
    },
  },
  {
    id: 'I15',
    what: 'nobody looked while it booted',
    wrong: (s) => {
      s.serving(1, { state: 'booting' });
      s.pass(20 * MINUTE);
      s.commit({});
      s.commit({ rows: [{ id: 'web-1', state: 'draining', removalCause: 'boot-failed' }] });
    },
    right: (s) => {
      s.serving(1, { state: 'booting' });
      s.commit({});
      s.pass(20 * MINUTE);
      s.commit({ rows: [{ id: 'web-1', state: 'draining', removalCause: 'boot-failed' }] });
    },
  },
  {
    id: 'I15',
    what: 'time from when it was looked at, however late the answers came',
    wrong: (s) => {
      s.serving(1, { state: 'booting' });
      s.pass(20 * MINUTE);
      s.watcher.looks?.(s.c1, 'web');
      s.commit({ rows: [{ id: 'web-1', state: 'draining', removalCause: 'boot-failed' }] });
    },
    right: (s) => {
      s.serving(1, { state: 'booting' });
      s.watcher.looks?.(s.c1, 'web');
      s.pass(20 * MINUTE);
      s.commit({ rows: [{ id: 'web-1', state: 'draining', removalCause: 'boot-failed' }] });
    },
  },
  {
    id: 'I15',
    what: 'replaced just after it began to serve',
    stage: { spec: { health: { ...HEALTH, graceMs: MINUTE } } },
    wrong: (s) => graced(s, MINUTE / 2),
    right: (s) => graced(s, MINUTE),
  },
];

/** It begins to serve, is unhealthy, and so much later its replacement is launched. */
function graced(s: Stage, afterMs: number): void {
  s.serving(1, { state: 'warming', health: 'unhealthy' });
  s.commit({ rows: [{ id: 'web-1', state: 'serving' }] });
  s.pass(afterMs);
  s.commit({ rows: [{ id: 'web-2', replaces: 'web-1' }] });
}

/** A pause ends, a call is decided (before the clock is set back, or after), and the call begins. */
function standbyLeaves(s: Stage, removeRequested: boolean): void {
  s.serving(1, { standby: true, removeRequested });
  s.watcher.acknowledged?.({ kind: 'standby', group: 'web', instance: 'web-1' });
  s.commit({ rows: [{ id: 'web-1', state: 'draining', removalCause: 'forced' }] });
}

function pauseAgain(s: Stage, decidedBefore: boolean): void {
  s.set({ pause: { untilMs: s.world.clock.wall() + 1_000, by: 'ops', reason: null } });
  s.watcher.acknowledged?.({ kind: 'pause', group: 'web' });
  s.pass(2_000);
  if (decidedBefore) s.commit({ rows: [{ id: 'web-1', step: underWay('create') }] });
  s.world.clock.jumpWall(-10_000);
  if (!decidedBefore) s.commit({ rows: [{ id: 'web-1', step: underWay('create') }] });
  s.pass(1);
  s.starts('cloud create');
}
