import type { Counts } from './counts.ts';
import { hold, limit, type Passage } from './guard-passage.ts';
import type { Proposal } from './model/decision.ts';
import type { GroupSpec } from './model/group.ts';
import type { Snapshot } from './model/snapshot.ts';
import type { PreparedPolicy } from './prepare.ts';
import { contextFor } from './propose.ts';
import { floorSize, formatNumber, formatPercent } from './units.ts';

/** Guards against fighting oneself, against cost and against a sick world. */

const HOUR_MS = 3_600_000;

/** What the policies would ask for if the load of now fell on `size` machines. */
function projected(p: Passage, size: number): { readonly more: boolean; readonly fewer: boolean } {
  let [more, speaks, allFewer] = [false, false, true];
  const { policies } = p.input.situation.prepared;
  const { proposals, cap } = p.input.combined;
  for (let i = 0; i < proposals.length; i++) {
    const proposal = proposals[i] as Proposal;
    if (proposal.advisory) continue;
    const asked = projectOne(p, policies[i], proposal, size);
    if (asked === null) continue;
    // A cap would not let it come back out.
    const wants = cap === null ? asked : Math.min(asked, cap);
    if (wants > size) more = true;
    // A floor below the size neither asks for fewer nor agrees to it.
    if (proposal.floor === true && wants < size) continue;
    speaks = true;
    if (wants >= size) allFewer = false;
  }
  return { more, fewer: speaks && allFewer };
}

/** A policy that cannot look ahead is taken at its word of now. */
function projectOne(p: Passage, policy: PreparedPolicy | undefined, proposal: Proposal, size: number): number | null {
  if (policy?.definition?.project === undefined) return proposal.wants;
  try {
    return policy.definition.project(contextFor(p.input.situation, policy.name), policy.options, size);
  } catch {
    return proposal.wants;
  }
}

/**
 * Both ways, as Azure does before a scale-in: the nearest size that would not at once call for the opposite move, or no move.
 * Going out, machines already on the way are awaited; with none on the way one machine is added all the same: overload is
 * worse than one machine too many, and the check on the way in keeps it from bouncing.
 */
export function avoidFlapping(p: Passage): void {
  const { base, spec } = p;
  if (!spec.limits.flapCheck || p.size === base) return;
  const wanted = p.size;
  if (wanted < base) {
    let size = wanted;
    while (size < base && projected(p, size).more) size++;
    if (size !== wanted) hold(p, 'HOLD_FLAP', 'limits.flap_check', `at ${wanted} the same load would ask for more at once`, { to: size, untilMs: null });
    return;
  }
  let size = wanted;
  while (size > base && projected(p, size).fewer) size--;
  const waiting = p.counts.warming > 0 || p.counts.running < base;
  if (size === base && !waiting) size = base + 1;
  if (size !== wanted) hold(p, 'HOLD_FLAP', 'limits.flap_check', `at ${wanted} the same load would ask for fewer at once`, { to: size, untilMs: null });
}

/** Price of one machine more: as configured, else the mean of what the present ones cost; null where nobody knows. */
export function unitPrice(spec: GroupSpec, snapshot: Snapshot): number | null {
  if (spec.pricePerHour !== null) return spec.pricePerHour;
  let [sum, n] = [0, 0];
  for (const i of snapshot.instances) {
    if (i.pricePerHour === null) continue;
    sum += i.pricePerHour;
    n++;
  }
  return n === 0 ? null : sum / n;
}

/** Money stops growth; it neither removes machines nor keeps the group from its minimum. */
export function limitBudget(p: Passage): void {
  const { spec, snapshot, base } = p;
  const { budget } = spec.limits;
  if (budget === null) return;
  const price = unitPrice(spec, snapshot);
  if (budget.perHour !== null && price !== null && price > 0) {
    const affordable = Math.max(base, floorSize(budget.perHour / price));
    const detail = `${formatNumber(budget.perHour)} ${budget.currency}/h at ${formatNumber(price)} each`;
    if (p.size > affordable) limit(p, 'LIMIT_BUDGET', 'limits.budget', detail, affordable);
  }
  if (p.size > base && budget.perMonth !== null && snapshot.spentThisMonth !== null && snapshot.spentThisMonth >= budget.perMonth) {
    limit(
      p,
      'LIMIT_BUDGET',
      'limits.budget',
      `${formatNumber(snapshot.spentThisMonth)} of ${formatNumber(budget.perMonth)} ${budget.currency} spent this month`,
      base,
    );
  }
}

/** Launches left in the sliding hour; null: no limit. */
export function launchesLeft(spec: GroupSpec, launched: readonly number[], atMs: number): number | null {
  if (spec.limits.launchesPerHour === null) return null;
  let used = 0;
  for (const at of launched) if (at > atMs - HOUR_MS) used++;
  return Math.max(0, spec.limits.launchesPerHour - used);
}

export function limitLaunchRate(p: Passage): void {
  const left = launchesLeft(p.spec, p.memory.launched, p.snapshot.atMs);
  if (left === null) return;
  const most = Math.max(p.base, p.counts.running + left);
  if (p.size > most) limit(p, 'LIMIT_RATE', 'limits.launches_per_hour', `${p.spec.limits.launchesPerHour} launches an hour, ${left} left`, most);
}

/**
 * Many members unhealthy at once: more likely the check or the network is sick than every machine. On at the configured share
 * and count, off again below half of it, so that it does not flutter.
 */
export function brakeState(spec: GroupSpec, counts: Counts, before: boolean): boolean {
  const { fraction, count } = spec.limits.brake;
  if (counts.sick === 0) return false;
  const bound = Math.max(count, fraction * counts.served);
  return before ? counts.sick * 2 >= bound : counts.sick >= bound - 1e-9;
}

/** Why nothing may be removed now, whatever asks for it; null: it may. */
export function removalBan(brake: boolean, snapshot: Snapshot, counts: Counts): string | null {
  if (brake)
    return `${counts.sick} of ${counts.served} look unhealthy (${formatPercent(counts.served === 0 ? 0 : counts.sick / counts.served)}): the check itself may be sick`;
  if (!snapshot.cloudTrusted) return 'the list of machines is not complete and fresh';
  return snapshot.balancerTrusted ? null : 'a balancer does not answer';
}

export function applyBrake(p: Passage): void {
  const ban = removalBan(p.input.brake, p.snapshot, p.counts);
  if (ban !== null) hold(p, 'HOLD_BRAKE', p.input.brake ? 'limits.brake' : null, ban, { to: p.base, untilMs: null });
}
