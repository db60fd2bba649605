import { decide } from '../../../src/core/decide.ts';
import { LIMITS, metric, policy, settled, snapshot } from '../../../src/core/fixtures/group.ts';
import { type Case, type Stage, underWay } from './stage.ts';

const MINUTE = 60_000;
const LOAD = { metrics: { load: metric('load') }, policies: [policy('target', { metric: 'load', per_instance: 100 })] };
const FAST = { ...LIMITS, scaleIn: { ...LIMITS.scaleIn, afterQuietMs: 2 * MINUTE } };

/** I16 to I22. */
export const DECISIONS: readonly Case[] = [
  {
    id: 'I16',
    what: 'a metric is missing',
    stage: { spec: LOAD },
    wrong: (s) => s.commit({ target: 1, readings: s.ask(false) }),
    right: (s) => s.commit({ target: 1, readings: s.ask(true) }),
  },
  {
    id: 'I16',
    what: 'a value that nobody gave',
    stage: { spec: LOAD },
    wrong: (s) => {
      s.ask(false);
      s.commit({ target: 1, readings: { load: { kind: 'value', value: 0, atMs: s.world.clock.wall(), ageMs: 0, coverage: 1 } } });
    },
    right: (s) => s.commit({ target: 3, readings: s.ask(false) }),
  },
  {
    id: 'I17',
    what: 'the window after a gap',
    stage: { spec: { ...LOAD, limits: FAST } },
    wrong: (s) => {
      for (let k = 0; k < 8; k++) {
        const readings = s.ask(k < 4 || k > 5);
        if (k === 7) s.commit({ target: 1, readings });
        s.pass(MINUTE / 2);
      }
    },
    right: (s) => {
      for (let k = 0; k < 8; k++) {
        const readings = s.ask(true);
        if (k === 7) s.commit({ target: 1, readings });
        s.pass(MINUTE / 2);
      }
    },
  },
  {
    id: 'I17',
    what: 'a beginning',
    stage: { spec: { ...LOAD, limits: FAST } },
    wrong: (s) => s.commit({ target: 1, readings: s.ask(true) }),
    right: (s) => s.commit({ target: 3, readings: s.ask(true) }),
  },
  {
    id: 'I18',
    what: 'a step in',
    wrong: (s) => {
      for (const n of [1, 2, 3, 4]) s.serving(n);
      s.set({ memory: { ...(s.group.memory as NonNullable<typeof s.group.memory>), target: 4 } });
      s.commit({ target: 2, readings: {} });
    },
    right: (s) => {
      for (const n of [1, 2, 3, 4]) s.serving(n);
      s.set({ memory: { ...(s.group.memory as NonNullable<typeof s.group.memory>), target: 4 } });
      s.commit({ target: 3, readings: {} });
      s.pass(MINUTE);
      s.commit({ target: 2, readings: {} });
    },
  },
  {
    id: 'I18',
    what: 'in just after out',
    wrong: (s) => {
      s.serving(1);
      s.serving(2);
      s.serving(3);
      s.commit({ target: 3, readings: {} });
      s.pass(20_000);
      s.commit({ target: 2, readings: {} });
    },
    right: (s) => {
      s.serving(1);
      s.serving(2);
      s.serving(3);
      s.commit({ target: 3, readings: {} });
      s.pass(30_000);
      s.commit({ target: 2, readings: {} });
    },
  },
  {
    id: 'I18',
    what: 'a step in soon after a wish was taken back, which ends meanwhile',
    wrong: (s) => {
      wishTakenBack(s);
      s.commit({ target: 2, readings: {}, rows: [{ id: 'web-2', state: 'draining', removalCause: 'scale-in' }] });
    },
    right: (s) => {
      wishTakenBack(s);
      s.commit({ target: 3, readings: {}, rows: [{ id: 'web-4', state: 'gone', step: null }] });
    },
  },
  {
    id: 'I18',
    what: 'to and fro under steady load',
    wrong: (s) => {
      s.world.calm = true;
      for (const target of [3, 2, 3]) {
        s.pass(10 * MINUTE);
        s.commit({ target, readings: {} });
      }
    },
    right: (s) => {
      s.world.calm = true;
      for (const target of [3, 2, 1]) {
        s.pass(10 * MINUTE);
        s.commit({ target, readings: {} });
      }
    },
  },
  {
    id: 'I19',
    what: 'a size out of bounds',
    wrong: (s) => s.commit({ target: 5, readings: {} }),
    right: (s) => s.commit({ target: 4, readings: {} }),
  },
  {
    id: 'I19',
    what: 'no number',
    wrong: (s) => s.commit({ target: Number.NaN, readings: {} }),
    right: (s) => s.commit({ target: 1, readings: {} }),
  },
  {
    id: 'I20',
    what: 'quiet that was asked for',
    wrong: (s) => {
      s.watcher.throttled?.(s.c1, 'cloud', 10_000);
      s.pass(9_000);
      s.cloudCall('list', '');
    },
    right: (s) => {
      s.watcher.throttled?.(s.c1, 'cloud', 10_000);
      s.pass(9_000);
      s.cloudCall('list', '', s.c2);
      s.pass(1_000);
      s.cloudCall('list', '');
    },
  },
  {
    id: 'I20',
    what: 'a launch after a refusal',
    wrong: (s) => {
      s.commit({ rows: [{ id: 'web-1', state: 'gone' }], events: [{ type: 'launch.failed', data: { code: 'quota' } }] });
      s.pass(20_000);
      s.commit({ rows: [{ id: 'web-2' }] });
    },
    right: (s) => {
      s.commit({ rows: [{ id: 'web-1', state: 'gone' }], events: [{ type: 'launch.failed', data: { code: 'quota' } }] });
      s.pass(30_000);
      s.commit({ rows: [{ id: 'web-2' }] });
    },
  },
  {
    id: 'I20',
    what: 'a launch after a refusal that came with a machine seen in a list',
    wrong: (s) => foundBetween(s, 20_000),
    right: (s) => foundBetween(s, 30_000),
  },
  {
    id: 'I20',
    what: 'a hot retry',
    wrong: (s) => {
      s.cloudCall('create', 'inst.web.1');
      s.pass(100);
      s.cloudCall('create', 'inst.web.1');
    },
    right: (s) => {
      s.cloudCall('create', 'inst.web.1');
      s.pass(1_000);
      s.cloudCall('create', 'inst.web.1');
    },
  },
  {
    id: 'I20',
    what: 'a step that failed',
    wrong: (s) => stepped(s, 1_000),
    right: (s) => stepped(s, 2_000),
  },
  {
    id: 'I20',
    what: 'looks without pause',
    wrong: (s) => looks(s, 50),
    right: (s) => looks(s, 500),
  },
  {
    id: 'I21',
    what: 'a launch given up at once',
    wrong: (s) => {
      s.commit({ rows: [{ id: 'web-1', step: underWay('create') }] });
      s.cloudCall('create', 'inst.web.1');
      s.world.clock.jumpWall(3_600_000);
      s.pass(30_000);
      s.commit({ rows: [{ id: 'web-1', state: 'gone' }] });
    },
    right: (s) => {
      s.commit({ rows: [{ id: 'web-1', step: underWay('create') }] });
      s.cloudCall('create', 'inst.web.1');
      s.pass(60_000);
      s.commit({ rows: [{ id: 'web-1', state: 'gone' }] });
    },
  },
  {
    id: 'I21',
    what: 'too old by a clock that was set',
    stage: {
      spec: { lifecycle: { bootTimeoutMs: MINUTE, warmupMs: 0, drainTimeoutMs: 0, maxAgeMs: 3_600_000, removeFirst: 'oldest', removeOutdatedFirst: true } },
    },
    wrong: (s) => {
      s.commit({ rows: [{ id: 'web-1' }] });
      s.commit({ rows: [{ id: 'web-1', state: 'serving' }] });
      s.world.clock.jumpWall(3_600_000);
      s.pass(MINUTE);
      s.commit({ rows: [{ id: 'web-1', state: 'draining', removalCause: 'replace-old' }] });
    },
    right: (s) => {
      s.commit({ rows: [{ id: 'web-1' }] });
      s.commit({ rows: [{ id: 'web-1', state: 'serving' }] });
      s.pass(3_600_000);
      s.commit({ rows: [{ id: 'web-1', state: 'draining', removalCause: 'replace-old' }] });
    },
  },
  {
    id: 'I22',
    what: 'a record that was changed',
    wrong: (s) => decided(s, 7),
    right: (s) => decided(s, 4),
  },
];

/** A decision as it is stored, with this target in its record; by its inputs it is 4. */
function decided(s: Stage, target: number): void {
  const inputs = { spec: s.spec, snapshot: snapshot(), memory: settled(s.spec, 4) };
  const decision = { ...decide(inputs.spec, inputs.snapshot, inputs.memory).decision, target };
  s.world.data.decisionsOf.set('web', [{ seq: 1, row: { decision, count: 1, last: decision }, first: inputs, last: inputs }]);
  s.watcher.ended?.();
}

/** Ten minutes of evaluations, one each so many ms. */
function looks(s: Stage, everyMs: number): void {
  for (let t = 0; t < 10 * MINUTE; t += everyMs) {
    s.pass(everyMs);
    s.ask(true);
  }
}

/** An attach fails the second time, and is tried again so much later. */
function stepped(s: Stage, afterMs: number): void {
  s.serving(1, { step: underWay('attach', 2) });
  s.commit({ rows: [{ id: 'web-1', step: { ...underWay('attach', 2), error: 'refused' } }] });
  s.pass(afterMs);
  s.commit({ rows: [{ id: 'web-1', step: underWay('attach', 3) }] });
}

/** Two launches are refused; between them the machine of a third turns up, made nobody knows when. The first refusal's wait may go on. */
function foundBetween(s: Stage, afterFirstMs: number): void {
  const refusal = { type: 'launch.failed', data: { code: 'quota' } };
  s.commit({ rows: [{ id: 'web-1' }, { id: 'web-2' }, { id: 'web-3' }] });
  s.commit({ rows: [{ id: 'web-1', state: 'gone' }], events: [refusal] });
  s.pass(2_000);
  s.commit({ rows: [{ id: 'web-2', state: 'booting' }] });
  s.pass(5_000);
  s.commit({ rows: [{ id: 'web-3', state: 'gone' }], events: [refusal] });
  s.pass(afterFirstMs - 7_000);
  s.commit({ rows: [{ id: 'web-4' }] });
}

/** Three serve, and the launch of a fourth, whose end nobody heard, was taken back just now. */
function wishTakenBack(s: Stage): void {
  for (const n of [1, 2, 3]) s.serving(n);
  s.commit({ rows: [{ id: 'web-4', state: 'intent', step: underWay('create') }] });
  s.set({ memory: { ...(s.group.memory as NonNullable<typeof s.group.memory>), target: 5 } });
  s.commit({ target: 4, readings: {}, rows: [{ id: 'web-4', removalCause: 'scale-in' }] });
  s.pass(10_000);
}
