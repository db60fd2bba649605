import type { GroupSpec } from '../../core/model/model.ts';
import type { SimProcess } from '../process.ts';
import type { CommitSeen, Invariant } from '../watch.ts';
import type { SimWorld } from '../world.ts';
import { BookTime } from './book-time.ts';
import { isOrdered, SLACK, specOf } from './ground-truth.ts';
import { usedMetrics } from './metric-asks.ts';

/** Share of the quiet window that must be known. */
const MIN_COVERAGE = 0.8;
/** A source that hangs, ms. */
const HANGS_MS = 60_000;
/** A look at the world may take so long, ms, where answers are slow. */
const LOOK_MS = 60_000;
const SLOW = ['cloud-slow', 'lb-slow', 'metric-hangs', 'partition', 'paused', 'store-slow'] as const;

/** Metrics that come back after an outage are low before they are right. */
export const gapRecovery: Invariant = {
  id: 'I17',
  title: 'Gap recovery: nothing is removed before the quiet window is known again',
  open(world, fail) {
    const time = new BookTime(world);
    const known = new Known(world);
    return {
      asked: (by, group, metric, given) => known.asked(by, group, metric, given, time),
      commit: (seen) => {
        time.committed(seen);
        const { change, before, after } = seen;
        if (change.decision && (after?.memory?.target ?? 0) < (before?.memory?.target ?? 0))
          check(world, fail, seen, { known, at: time.now(change.group), setBack: time.setBack(change.group) });
      },
    };
  },
};

/** How long one metric of one group has been known without a hole, and when it was last missing. */
interface Streak {
  fromAt: number;
  /** When the one before the last hole began, and how often the clock had been set back unseen by then. */
  beforeAt: number;
  setBack: number;
  lastMono: number;
  /** The last two asks of one process, both in vain. */
  missedBy: SimProcess | null;
  missedFirstAt: number | null;
  gapBy: SimProcess | null;
  gapAt: number;
}

class Known {
  readonly #world: SimWorld;
  readonly #of = new Map<string, Streak>();

  constructor(world: SimWorld) {
    this.#world = world;
  }

  asked(by: SimProcess, group: string, metric: string, given: boolean, time: BookTime): void {
    const at = time.at(group);
    const key = `${group}/${metric}`;
    let s = this.#of.get(key);
    if (!s) {
      s = { fromAt: at, beforeAt: at, setBack: 0, lastMono: Number.NEGATIVE_INFINITY, missedBy: null, missedFirstAt: null, gapBy: null, gapAt: 0 };
      this.#of.set(key, s);
    }
    if (given) {
      if (this.#world.now - s.lastMono > this.#longestStep(group)) this.#begin(s, at, time.setBack(group));
      s.lastMono = this.#world.now;
      s.missedFirstAt = null;
      return;
    }
    // What no policy goes by just now leaves no gap.
    const spec = this.#world.group(group)?.spec;
    if (!spec || !usedMetrics(spec).includes(metric)) return;
    // A person may have asked what would be decided: only what is missing again a good while later was seen by an evaluation.
    if (s.missedFirstAt === null || s.missedBy !== by) {
      s.missedFirstAt = at;
      s.missedBy = by;
    } else if (at - s.missedFirstAt > 0.4 * this.#world.scenario.tickMs) {
      s.gapBy = by;
      s.gapAt = at;
    }
  }

  #begin(s: Streak, at: number, setBack: number): void {
    s.beforeAt = s.fromAt;
    s.fromAt = at;
    s.setBack = setBack;
  }

  of(group: string, metric: string): Streak | undefined {
    return this.#of.get(`${group}/${metric}`);
  }

  /** Evaluations further apart leave a hole in what is known. */
  #longestStep(group: string): number {
    const spec = this.#world.group(group)?.spec;
    if (!spec) return 0;
    const stepMs = (Math.max(spec.evaluateEveryMs, spec.limits.scaleIn.afterQuietMs * (1 - MIN_COVERAGE)) + 2.5 * spec.evaluateEveryMs) / SLACK;
    const { faults } = this.#world.scenario;
    // What was read is used when the slowest of the other answers has come, and is as good as max_age says.
    return stepMs + (SLOW.some((fault) => faults[fault] !== undefined) ? LOOK_MS : 0);
  }
}

function check(
  world: SimWorld,
  fail: (text: string) => void,
  { by, change, before, after }: CommitSeen,
  now: { readonly known: Known; readonly at: number; readonly setBack: number },
): void {
  const spec = specOf(world, change);
  const [from, to] = [before?.memory?.target ?? 0, after?.memory?.target ?? 0];
  if (!spec || spec.mode === 'observe' || to >= Math.min(from, spec.max)) return;
  if (isOrdered(world, change.group) || change.decision?.inputs.snapshot.manual.some((m) => m.kind !== 'floor')) return;
  for (const metric of usedMetrics(spec)) {
    const streak = now.known.of(change.group, metric);
    const wrong = streak ? tooSoon(world, spec, streak, { ...now, by }) : 'was never known';
    if (wrong) fail(`${change.group}: ${from} → ${to}, and ${metric} ${wrong}`);
  }
}

function tooSoon(
  world: SimWorld,
  spec: GroupSpec,
  streak: Streak,
  now: { readonly by: SimProcess; readonly at: number; readonly setBack: number },
): string | null {
  const quietMs = spec.limits.scaleIn.afterQuietMs * SLACK;
  // Set back while nobody looked: the books cannot show the hole.
  const knownMs = now.at - (now.setBack > streak.setBack ? streak.beforeAt : streak.fromAt);
  if (knownMs < quietMs * MIN_COVERAGE) return `is known for ${knownMs} ms of ${quietMs}`;
  const { faults, profile } = world.scenario;
  // An evaluation that could not be written down may be forgotten, and the gap with it.
  const forgets = faults['commit-unknown'] !== undefined || faults['store-slow'] !== undefined || (faults.partition !== undefined && profile === 'shared');
  // A source that hangs answers in vain long after the evaluation gave it up.
  const gapMs = now.at - streak.gapAt + (faults['metric-hangs'] === undefined ? 0 : HANGS_MS);
  return !forgets && streak.gapBy === now.by && gapMs < quietMs ? `was missing ${gapMs} ms ago, the quiet window is ${quietMs}` : null;
}
