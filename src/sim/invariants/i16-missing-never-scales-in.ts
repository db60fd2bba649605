import type { CommitSeen, Invariant } from '../watch.ts';
import type { SimWorld } from '../world.ts';
import { isOrdered, specOf } from './ground-truth.ts';
import { MetricAsks, usedMetrics } from './metric-asks.ts';

/** Missing, not a number, negative, old, with holes: none of it says that fewer machines are enough. */
export const missingNeverScalesIn: Invariant = {
  id: 'I16',
  title: 'Missing never scales in: the target falls only with every metric given',
  open(world, fail) {
    const asks = new MetricAsks(world);
    return {
      asked: (by, group, metric, given) => asks.asked(by, group, metric, given),
      commit: (seen) => {
        if (seen.change.decision && (seen.after?.memory?.target ?? 0) < (seen.before?.memory?.target ?? 0)) check(world, fail, seen, asks);
      },
    };
  },
};

function check(world: SimWorld, fail: (text: string) => void, { by, change, before, after }: CommitSeen, asks: MetricAsks): void {
  const spec = specOf(world, change);
  const [from, to] = [before?.memory?.target ?? 0, after?.memory?.target ?? 0];
  if (!spec || !change.decision || to >= Math.min(from, spec.max)) return;
  const { readings, manual } = change.decision.inputs.snapshot;
  // Observing nothing follows the target; orders of people need no metric.
  if (spec.mode === 'observe' || isOrdered(world, change.group) || manual.some((m) => m.kind !== 'floor')) return;
  const lacking = usedMetrics(spec).filter((metric) => !asks.isGiven(by, change.group, metric, readings[metric]));
  if (lacking.length > 0) fail(`${change.group}: ${from} → ${to} without ${lacking.join(', ')}`);
}
