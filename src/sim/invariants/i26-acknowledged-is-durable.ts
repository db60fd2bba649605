import type { ManualOverride } from '../../core/model/model.ts';
import { canonicalJson, chainText } from '../../ports/event-chain.ts';
import type { Acknowledged, CommitSeen, Invariant } from '../watch.ts';
import type { SimWorld } from '../world.ts';

/** What somebody was told is done stays done: through crashes, fail-overs and stale copies, until it is taken back. */
export const acknowledgedIsDurable: Invariant = {
  id: 'I26',
  title: 'Acknowledged is durable: orders and alerts stay in the store and are heeded by whoever decides, and the events have no gap',
  open(world, fail) {
    const flags = new Map<string, 'protected' | 'standby' | 'removeRequested' | 'replaceRequested'>();
    const heeding = new Heeding(world);
    let seq = 0;
    return {
      restored: () => {
        flags.clear();
        heeding.clear();
        seq = world.data.head.seq;
      },
      acknowledged: (what) => {
        heeding.acknowledged(what);
        const wrong = stored(world, what, flags);
        if (wrong) fail(wrong);
      },
      commit: (seen) => {
        const wrong = overwritten(world, seen, flags) ?? heeding.unheard(seen);
        if (wrong) fail(wrong);
        const { head } = world.data;
        if (head.seq < seq) fail(`the newest event was ${seq} and is ${head.seq}`);
        seq = head.seq;
      },
      ended: () => {
        const wrong = brokenChain(world);
        if (wrong) fail(wrong);
      },
    };
  },
};

/** An order reaches the controller that decides within so long, ms, and two evaluations. */
const HEARD_MS = 60_000;

/** Orders given at any controller are known to the one that decides soon after. */
class Heeding {
  readonly #world: SimWorld;
  /** The very orders that were in the store when somebody was told so, and when. */
  readonly #known = new Map<unknown, number>();

  constructor(world: SimWorld) {
    this.#world = world;
  }

  clear(): void {
    this.#known.clear();
  }
  acknowledged(what: Acknowledged): void {
    if (what.kind !== 'reload' && what.kind !== 'scale') return;
    const order = what.kind === 'reload' ? this.#world.group(what.group)?.spec : this.#world.group(what.group)?.manual;
    if (!this.#known.has(order)) this.#known.set(order, this.#world.now);
    // Of what was replaced by a newer order nobody asks any more.
    if (this.#known.size > 100) for (const known of this.#known.keys()) if (!this.#isPresent(known)) this.#known.delete(known);
  }

  #isPresent(order: unknown): boolean {
    for (const row of this.#world.data.groups.values()) if (row.spec === order || row.manual === order) return true;
    return false;
  }

  unheard({ by, change, before }: CommitSeen): string | null {
    if (change.decision?.kind !== 'new' || !before) return null;
    const { decision, inputs } = change.decision;
    const since = this.#world.now - HEARD_MS - 2 * this.#world.scenario.tickMs;
    if (decision.config !== before.spec.hash && (this.#known.get(before.spec) ?? Number.POSITIVE_INFINITY) < since)
      return `${by.name} decides for ${change.group} by configuration ${decision.config}, it is ${before.spec.hash}`;
    if ((this.#known.get(before.manual) ?? Number.POSITIVE_INFINITY) >= since) return null;
    // What ends about now may be over by one clock and not by the other.
    const lasts = (m: ManualOverride): boolean => m.untilMs === null || m.untilMs > decision.atMs + HEARD_MS;
    const missed = before.manual.find((m) => lasts(m) && !inputs.snapshot.manual.some((k) => k.kind === m.kind && k.size === m.size));
    return missed ? `${by.name} decides for ${change.group} without the ${missed.kind} ${missed.size} of a person` : null;
  }
}

type Flags = Map<string, 'protected' | 'standby' | 'removeRequested' | 'replaceRequested'>;

function stored(world: SimWorld, what: Acknowledged, flags: Flags): string | null {
  const { data } = world;
  switch (what.kind) {
    case 'protect':
    case 'standby':
    case 'drain':
    case 'replace': {
      const flag = ({ protect: 'protected', standby: 'standby', drain: 'removeRequested', replace: 'replaceRequested' } as const)[what.kind];
      const row = data.instances.get(what.instance);
      if (!row || row.state === 'gone') return null;
      // Asked for the opposite meanwhile: it may have been done already, and is not yet told.
      if (row[flag]) flags.set(`${what.instance} ${flag}`, flag);
      return null;
    }
    case 'unprotect':
      flags.delete(`${what.instance} protected`);
      return null;
    case 'back':
      flags.delete(`${what.instance} standby`);
      return null;
    case 'forget':
      return data.instances.get(what.instance)?.state === 'gone' || !data.instances.has(what.instance)
        ? null
        : `${what.instance} was forgotten and is ${data.instances.get(what.instance)?.state}`;
    case 'alert':
      return alertStored(world, what);
    default:
      return null;
  }
}

/** A resolve ends its episode for good; one heard firing is known, unless it is too old or overtaken to count. */
function alertStored({ data }: SimWorld, { receiver, episode, status }: Extract<Acknowledged, { kind: 'alert' }>): string | null {
  const row = data.alerts.get(JSON.stringify([receiver, episode]));
  if (status === 'resolved') return row?.status === 'resolved' ? null : `${episode} was told resolved and is ${row?.status ?? 'unknown'}`;
  if (row) return null;
  const heard = data.events.some((e) => e.type.startsWith('alert.') && e.data['episode'] === episode);
  return heard || data.checkpoint.seq > 0 ? null : `${episode} was told firing and nobody knows of it`;
}

/** A commit of a controller leaves alone what belongs to people. */
function overwritten(world: SimWorld, { by, change, before, after, moved }: CommitSeen, flags: Flags): string | null {
  for (const { was, row } of moved) {
    if (flags.size === 0 && was === undefined) continue;
    for (const flag of ['protected', 'standby', 'removeRequested', 'replaceRequested'] as const) {
      if (was && was[flag] !== row[flag]) return `${by.name} changed ${flag} of ${row.id}`;
      if (flag !== 'standby' && !row[flag] && flags.has(`${row.id} ${flag}`) && !world.calm) return `${row.id} was told ${flag} and is not`;
    }
  }
  if (!before || !after || before === after) return null;
  for (const part of ['pause', 'manual', 'approved', 'spec', 'managed', 'owner', 'epoch'] as const) {
    if (before[part] !== after[part]) return `${by.name} changed ${part} of ${change.group} in a commit`;
  }
  return null;
}

function brokenChain({ data, secrets }: SimWorld): string | null {
  let { seq, hash } = data.checkpoint;
  for (const event of data.events) {
    if (event.seq !== seq + 1) return `event ${seq + 1} is missing`;
    if (secrets.sha256(chainText(hash, event, canonicalJson(event.data))) !== event.hash) return `event ${event.seq} does not follow from the one before`;
    ({ seq, hash } = event);
  }
  return seq === data.head.seq ? null : `the newest event is ${data.head.seq}, the last that is there ${seq}`;
}
