import type { GroupSpec } from './model/group.ts';
import { type InstanceView, isCapacity } from './model/instance.ts';
import { formatDuration } from './units.ts';

export interface Victim {
  readonly instance: InstanceView;
  /** Why this one and not another, e.g. `unhealthy for 42 s`, `most crowded zone b, 3 sessions`. */
  readonly why: string;
}

/** Never chosen: protected, detached, in standby, leaving already. */
export function mayBeChosen(i: InstanceView): boolean {
  return isCapacity(i.state) && !i.protected && !i.detached && !i.standby;
}

interface Criterion {
  readonly rank: (i: InstanceView) => number;
  readonly why: (i: InstanceView) => string;
}

/**
 * Who would go, first to last: unhealthy, outdated template (if asked), not yet serving, most crowded zone, least busy, nearest to
 * the end of its paid time, oldest or newest. A total order: equal inputs give equal victims. Zones are counted anew after each
 * choice, so that the group stays even.
 */
export function chooseVictims(spec: GroupSpec, instances: readonly InstanceView[], count: number, atMs: number): readonly Victim[] {
  const candidates = instances.filter(mayBeChosen);
  const present = instances.filter((i) => isCapacity(i.state) && !i.detached && !i.standby);
  const victims: Victim[] = [];
  while (victims.length < count && candidates.length > 0) {
    const criteria = criteriaFor(spec, crowding(present), atMs);
    let best = 0;
    for (let i = 1; i < candidates.length; i++) if (compare(criteria, candidates[i] as InstanceView, candidates[best] as InstanceView) < 0) best = i;
    const [instance] = candidates.splice(best, 1) as [InstanceView];
    victims.push({ instance, why: reason(criteria, instance, candidates) });
    present.splice(present.indexOf(instance), 1);
  }
  return victims;
}

function crowding(present: readonly InstanceView[]): ReadonlyMap<string, number> {
  const zones = new Map<string, number>();
  for (const { zone } of present) if (zone !== null) zones.set(zone, (zones.get(zone) ?? 0) + 1);
  return zones;
}

/** Lower rank goes first. What is not known goes last within its criterion: unknown sessions may be many. */
function criteriaFor(spec: GroupSpec, zones: ReadonlyMap<string, number>, atMs: number): readonly Criterion[] {
  const { removeFirst, removeOutdatedFirst } = spec.lifecycle;
  const oldest = removeFirst === 'oldest';
  return [
    {
      rank: (i) => (i.health === 'unhealthy' ? 0 : 1),
      why: (i) => (i.health === 'unhealthy' ? `unhealthy for ${formatDuration(atMs - i.healthSinceMs)}` : 'the others are protected'),
    },
    { rank: (i) => (removeOutdatedFirst && i.templateId !== spec.template.id ? 0 : 1), why: () => 'outdated template' },
    { rank: (i) => (i.state === 'serving' ? 1 : 0), why: (i) => `not yet serving (${i.state})` },
    {
      rank: (i) => (i.zone === null ? 0 : -(zones.get(i.zone) ?? 0)),
      why: (i) => `most crowded zone ${i.zone}${i.sessions === null ? '' : `, ${sessions(i.sessions)}`}`,
    },
    { rank: (i) => i.sessions ?? Number.POSITIVE_INFINITY, why: (i) => `least busy, ${sessions(i.sessions ?? 0)}` },
    {
      rank: (i) => i.paidUntilMs ?? Number.POSITIVE_INFINITY,
      why: (i) => `paid for another ${formatDuration(Math.max(0, (i.paidUntilMs ?? atMs) - atMs))} only`,
    },
    { rank: (i) => (oldest ? i.createdAtMs : -i.createdAtMs), why: () => removeFirst },
    { rank: (i) => (oldest ? i.n : -i.n), why: () => removeFirst },
  ];
}

const sessions = (n: number) => (n === 1 ? '1 session' : `${n} sessions`);

function compare(criteria: readonly Criterion[], a: InstanceView, b: InstanceView): number {
  for (const { rank } of criteria) {
    const [x, y] = [rank(a), rank(b)];
    if (x !== y) return x < y ? -1 : 1;
  }
  return a.id < b.id ? -1 : a.id > b.id ? 1 : 0;
}

/** The first criterion that set it apart from everyone left. */
function reason(criteria: readonly Criterion[], chosen: InstanceView, others: readonly InstanceView[]): string {
  let equals = others;
  for (const { rank, why } of criteria) {
    const mine = rank(chosen);
    const next = equals.filter((o) => rank(o) === mine);
    if (next.length < equals.length && (next.length === 0 || mine !== 1 || rank !== criteria[0]?.rank)) return why(chosen);
    equals = next;
  }
  return others.length === 0 ? 'the only one that may go' : 'one of equals';
}
