import { type Case, type Stage, underWay } from './stage.ts';

const MINUTE = 60_000;

function hears(s: Stage, type: string, startsAtMs: number): void {
  const { data, clock } = s.world;
  const seq = data.head.seq + 1;
  data.events.push({ seq, atMs: clock.wall(), group: null, type, actor: 'receiver:am', data: { receiver: 'am', episode: `high/${startsAtMs}` }, hash: '' });
  data.head = { seq, hash: '' };
}

/** I23 to I29. */
export const ORDER: readonly Case[] = [
  {
    id: 'I23',
    what: 'a stale number',
    wrong: (s) => s.commit({ target: 3, expect: { epoch: 0 } }),
    right: (s) => s.commit({ target: 3, expect: { epoch: 1 } }),
  },
  {
    id: 'I23',
    what: 'somebody else',
    wrong: (s) => s.commit({ target: 3, by: s.c2 }),
    right: (s) => s.commit({ target: 3, by: s.c1 }),
  },
  {
    id: 'I24',
    what: 'a lease that ended',
    stage: { profile: 'shared' },
    wrong: (s) => {
      s.pass(16_000);
      s.starts('cloud create');
    },
    right: (s) => {
      s.pass(14_000);
      s.starts('cloud create');
    },
  },
  {
    id: 'I24',
    what: 'a group of somebody else',
    stage: { profile: 'shared' },
    wrong: (s) => s.starts('cloud create', s.c2),
    right: (s) => s.starts('cloud create', s.c1),
  },
  {
    id: 'I25',
    what: 'a create',
    wrong: (s) => {
      s.commit({ rows: [{ id: 'web-1', step: underWay('create') }] });
      s.cloudCall('create', 'inst.web.1');
      s.cloudCall('create', 'inst.web.1');
    },
    right: (s) => {
      for (const attempts of [1, 2]) {
        s.commit({ rows: [{ id: 'web-1', step: underWay('create', attempts) }] });
        s.cloudCall('create', 'inst.web.1');
      }
    },
  },
  {
    id: 'I25',
    what: 'a detach',
    wrong: (s) => s.balancerCall('detach', 's:10.0.0.1:8080'),
    right: (s) => {
      const row = s.serving(1);
      s.commit({ rows: [{ id: row.id, state: 'draining', step: underWay('detach') }] });
      s.balancerCall('detach', row.members['lb'] ?? '');
    },
  },
  {
    id: 'I26',
    what: 'a flag that a person set',
    wrong: (s) => {
      s.serving(1, { protected: true });
      s.commit({ rows: [{ id: 'web-1', protected: false }] });
    },
    right: (s) => {
      s.serving(1, { protected: true });
      s.commit({ rows: [{ id: 'web-1', health: 'unhealthy' }] });
    },
  },
  {
    id: 'I26',
    what: 'an order that nobody heeds',
    wrong: (s) => {
      s.set({ spec: { ...s.spec, hash: 'newer' } });
      s.watcher.acknowledged?.({ kind: 'reload', group: 'web' });
      s.pass(5 * MINUTE);
      s.commit({ readings: {} });
    },
    right: (s) => {
      s.set({ spec: { ...s.spec, hash: 'newer' } });
      s.watcher.acknowledged?.({ kind: 'reload', group: 'web' });
      s.pass(MINUTE);
      s.commit({ readings: {} });
    },
  },
  {
    id: 'I26',
    what: 'an event that is missing',
    wrong: (s) => {
      hears(s, 'alert.fired', 0);
      s.world.data.events.pop();
      s.watcher.ended?.();
    },
    right: (s) => s.watcher.ended?.(),
  },
  {
    id: 'I26',
    what: 'an alert that was acknowledged',
    wrong: (s) => s.watcher.acknowledged?.({ kind: 'alert', receiver: 'am', episode: 'high/1', status: 'resolved' }),
    right: (s) => {
      const alert = {
        receiver: 'am',
        episode: 'high/1',
        status: 'resolved' as const,
        name: 'High',
        labels: {},
        startsAtMs: 1,
        lastHeardMs: 1,
        resolvedAtMs: 1,
      };
      s.world.data.alerts.set(JSON.stringify(['am', 'high/1']), alert);
      s.watcher.acknowledged?.({ kind: 'alert', receiver: 'am', episode: 'high/1', status: 'resolved' });
    },
  },
  {
    id: 'I27',
    what: 'fires again',
    wrong: (s) => {
      const now = s.world.clock.wall();
      hears(s, 'alert.fired', now);
      hears(s, 'alert.fired', now);
      s.watcher.ended?.();
    },
    right: (s) => {
      const now = s.world.clock.wall();
      hears(s, 'alert.fired', now);
      hears(s, 'alert.resolved', now);
      hears(s, 'alert.fired', now + 1);
      s.watcher.ended?.();
    },
  },
  {
    id: 'I27',
    what: 'is replayed',
    wrong: (s) => {
      hears(s, 'alert.fired', s.world.clock.wall() - 7 * 86_400_000);
      s.watcher.ended?.();
    },
    right: (s) => {
      hears(s, 'alert.ignored', s.world.clock.wall() - 7 * 86_400_000);
      s.watcher.ended?.();
    },
  },
  {
    id: 'I28',
    what: 'fewer than it should have',
    wrong: (s) => ready(s, 1),
    right: (s) => ready(s, 2),
  },
  {
    id: 'I29',
    what: 'deleted while it is in',
    wrong: (s) => {
      const row = s.serving(1);
      s.cloudCall('delete', row.machineId ?? '');
    },
    right: (s) => {
      const row = s.serving(1);
      void s.world.balancers.get('lb')?.detach(row.members['lb'] ?? '');
      s.commit({ rows: [{ id: row.id, state: 'gone' }] });
      s.cloudCall('delete', row.machineId ?? '');
    },
  },
  {
    id: 'I29',
    what: 'cut off with sessions',
    wrong: (s) => {
      const row = drains(s);
      s.pass(MINUTE / 2);
      s.balancerCall('detach', row);
    },
    right: (s) => {
      const row = drains(s);
      void s.world.balancers.get('lb')?.drain(row);
      s.pass(MINUTE);
      s.balancerCall('detach', row);
    },
  },
  {
    id: 'I29',
    what: 'never drained',
    wrong: (s) => {
      const row = s.serving(1);
      s.commit({ rows: [{ id: row.id, state: 'draining', removalCause: 'scale-in', step: underWay('detach') }] });
      s.balancerCall('detach', row.members['lb'] ?? '');
    },
    right: (s) => {
      const row = s.serving(1);
      s.commit({ rows: [{ id: row.id, state: 'draining', removalCause: 'scale-in', step: underWay('detach') }] });
      void s.world.balancers.get('lb')?.drain(row.members['lb'] ?? '');
      s.balancerCall('detach', row.members['lb'] ?? '');
    },
  },
  {
    id: 'I29',
    what: 'attached before it has come up',
    wrong: (s) => {
      s.serving(1, { state: 'warming' });
      s.balancerCall('attach', 'web-1');
    },
    right: (s) => {
      s.serving(1, { state: 'warming' });
      s.pass(6_000);
      s.balancerCall('attach', 'web-1');
    },
  },
  {
    id: 'I29',
    what: 'emptied for its health',
    wrong: (s) => {
      s.serving(1);
      s.commit({ rows: [{ id: 'web-1', state: 'draining', removalCause: 'replace-unhealthy' }] });
    },
    right: (s) => {
      s.serving(1);
      s.serving(2);
      s.commit({ rows: [{ id: 'web-1', state: 'draining', removalCause: 'replace-unhealthy' }] });
    },
  },
];

/** A serving machine with sessions begins to drain; its entry. */
function drains(s: Stage): string {
  const row = s.serving(1);
  s.pass(6_000);
  s.world.balancers.get('lb')?.setSessions(row.address ?? '', 3);
  s.commit({ rows: [{ id: row.id, state: 'draining', removalCause: 'scale-in', step: underWay('drain') }] });
  return row.members['lb'] ?? '';
}

/** So many members for a load that asks for two, looked after by c1. */
function ready(s: Stage, members: number): void {
  for (let n = 1; n <= members; n++) s.serving(n);
  s.c1.engine.runners.set('web', {} as never);
  s.world.calm = true;
}
