import type { SimProcess } from '../process.ts';
import type { CommitSeen, Invariant } from '../watch.ts';
import type { SimWorld } from '../world.ts';
import { BookTime } from './book-time.ts';
import { isNewTry, SLACK, takesAnew, textOf } from './ground-truth.ts';

/** The k-th refusal in a row waits 15 s · 2^k, at most half an hour, ms. */
const FIRST_MS = 15_000;
const LONGEST_MS = 30 * 60_000;
/** Waits between two tries of one launch, ms. */
const RETRY_MS = 1_000;
const RETRY_LONGEST_MS = 60_000;
/** Looks are counted in spans of, ms. */
const SPAN_MS = 300_000;

/** A cloud that is asked again and again while it refuses stops answering anyone. */
export const backOff: Invariant = {
  id: 'I20',
  title: 'Back-off: a cloud that asks for quiet gets it, and refused launches wait longer and longer',
  open(world, fail) {
    const time = new BookTime(world);
    const quiet = new Quiet(world);
    const refused = new Map<string, Map<string, Refused>>();
    const looks = new Looks(world);
    const steps = new Map<string, FailedStep>();
    const tries = new Map<string, { readonly by: SimProcess; readonly times: number; readonly lastAt: number }>();
    return {
      restored: () => {
        refused.clear();
        tries.clear();
        steps.clear();
      },
      processEnded: (process) => quiet.forget(process),
      asked: (by, group, metric) => {
        const wrong = metric === 'load' ? looks.looked(by, group) : null;
        if (wrong) fail(wrong);
      },
      throttled: (by, cloud, forMs) => quiet.asked(by, cloud, forMs),
      commit: (seen) => {
        time.committed(seen);
        const wrong = launches(seen, { now: time.now(seen.change.group), written: time.writtenAt(seen) }, refused);
        if (wrong) fail(wrong);
        const hot = repeats(seen, { now: time.now(seen.change.group), written: time.writtenAt(seen) }, steps);
        if (hot) fail(hot);
      },
      cloudCall: ({ by, cloud, op, arg }) => {
        const leftMs = quiet.left(by, cloud);
        if (leftMs > 0) fail(`${by.name} asks ${cloud}: ${op} ${arg} ${leftMs} ms before the quiet it asked for is over`);
        if (op !== 'create') return;
        const at = time.now(groupOf(arg));
        const known = tries.get(`${cloud} ${arg}`);
        const times = known?.by === by && !takesAnew(world) ? known.times : 0;
        if (known && times > 0) {
          const leastMs = Math.min(RETRY_LONGEST_MS, RETRY_MS * 2 ** Math.min(6, times - 1)) * SLACK - Math.ceil(world.scenario.latencyMs);
          if (at - known.lastAt < leastMs) fail(`${by.name} tries ${arg} again after ${at - known.lastAt} ms, try ${times + 1}`);
        }
        tries.set(`${cloud} ${arg}`, { by, times: times + 1, lastAt: time.at(groupOf(arg)) });
      },
    };
  },
};

interface FailedStep {
  readonly kind: string;
  readonly attempts: number;
  readonly at: number;
}

/** A step that failed is tried again after 1 s, 2 s, 4 s … 60 s; whoever tries it, for its row says when. */
function repeats({ moved }: CommitSeen, at: { readonly now: number; readonly written: number }, steps: Map<string, FailedStep>): string | null {
  let wrong: string | null = null;
  for (const { was, row } of moved) {
    const { step } = row;
    const failed = steps.get(row.id);
    if (failed && isNewTry(was, row) && failed.kind === step?.kind && failed.attempts === step.attempts - 1 && was?.step?.error !== 'under way') {
      const leastMs = Math.min(RETRY_LONGEST_MS, RETRY_MS * 2 ** Math.min(6, Math.max(0, failed.attempts - 1))) * SLACK;
      if (at.now - failed.at < leastMs) wrong = `${row.id}: ${step.kind} is tried again ${at.now - failed.at} ms after try ${failed.attempts} failed`;
    }
    if (step === null || row.state === 'gone') steps.delete(row.id);
    else if (step.error !== null && step.error !== 'under way' && (was?.step?.error !== step.error || was.step.attempts !== step.attempts))
      steps.set(row.id, { kind: step.kind, attempts: step.attempts, at: at.written });
  }
  return wrong;
}

/** Evaluations of each group: whatever wakes it, it is not looked at without pause. */
class Looks {
  readonly #world: SimWorld;
  readonly #of = new Map<string, { untilMono: number; times: number }>();

  constructor(world: SimWorld) {
    this.#world = world;
  }

  looked(by: SimProcess, group: string): string | null {
    const { now, scenario } = this.#world;
    let span = this.#of.get(`${by.name} ${group}`);
    if (!span || now >= span.untilMono) {
      span = { untilMono: now + SPAN_MS, times: 0 };
      this.#of.set(`${by.name} ${group}`, span);
    }
    // Draining machines are looked at twice a second, and every step that ends is a reason to look.
    const most = 5 * (SPAN_MS / 500) + 5 * (SPAN_MS / scenario.tickMs);
    return ++span.times === Math.ceil(most) ? `${by.name} looked at ${group} ${span.times} times within ${SPAN_MS / 60_000} min` : null;
  }
}

/** `INSTALL.GROUP.N` */
function groupOf(token: string): string {
  return token.split('.')[1] ?? '';
}

/** Until when each process was told to leave a cloud alone. */
class Quiet {
  readonly #world: SimWorld;
  readonly #of = new Map<SimProcess, Map<string, { readonly fromMono: number; readonly untilMono: number }>>();

  constructor(world: SimWorld) {
    this.#world = world;
  }

  asked(by: SimProcess, cloud: string, forMs: number): void {
    // Answers that are lost or held back are not heard.
    if (by.cut.has('cloud') || by.stopped) return;
    const { now, scenario } = this.#world;
    let own = this.#of.get(by);
    if (!own) {
      own = new Map();
      this.#of.set(by, own);
    }
    const old = own.get(cloud);
    // The answer is on its way, and so are calls that started before it came.
    const fromMono = now + 2 * Math.ceil(scenario.latencyMs);
    const untilMono = now + forMs * SLACK;
    if (!old || old.untilMono <= now) own.set(cloud, { fromMono, untilMono });
    else if (untilMono > old.untilMono) own.set(cloud, { fromMono: old.fromMono, untilMono });
  }
  left(by: SimProcess, cloud: string): number {
    const quiet = this.#of.get(by)?.get(cloud);
    return quiet && this.#world.now > quiet.fromMono ? quiet.untilMono - this.#world.now : 0;
  }
  forget(process: SimProcess): void {
    this.#of.delete(process);
  }
}

interface Refused {
  readonly times: number;
  /** The earliest end of the wait, and the latest one, until which further refusals are of the same round. */
  readonly untilAt: number;
  readonly latestAt: number;
  /** A machine was made since: the wait is over. Seen only in a list, it may be older than the refusal, which then stands. */
  readonly over: boolean;
}
/** Each kind of refusal waits by itself: a quota says nothing of the credentials. */
const CLASS: Readonly<Record<string, string>> = { unauthorized: 'auth', throttled: 'rate', 'no-capacity': 'capacity', quota: 'quota' };

/** Wishes that were written before a refusal was known may still be tried: the next wish waits. */
function launches(
  { change, moved, result, after }: CommitSeen,
  at: { readonly now: number; readonly written: number },
  of: Map<string, Map<string, Refused>>,
): string | null {
  const refused = of.get(change.group) ?? new Map<string, Refused>();
  let wrong: string | null = null;
  for (const { was, row } of moved) {
    if (was?.state === 'intent' && row.state === 'booting') for (const [cls, one] of refused) refused.set(cls, { ...one, over: true });
    if (was !== undefined || row.state !== 'intent') continue;
    for (const [cls, { times, untilAt, over }] of refused)
      if (!over && at.now < untilAt)
        wrong = `${change.group}: ${row.id} is launched ${untilAt - at.now} ms before the wait after refusal ${times} (${cls}) is over`;
  }
  for (const e of result ? (change.events ?? []) : []) {
    if (e.type !== 'launch.failed') continue;
    const cls = CLASS[textOf(e, 'code')] ?? 'provider';
    const known = refused.get(cls);
    const standing = known !== undefined && at.written < known.latestAt;
    // The cloud may have asked for a longer wait, of which only the books know.
    const booked = after?.memory?.backoff[cls];
    const bookedAt = at.written + (booked ? booked.nextTryMs - booked.lastMs : 0);
    if (standing && !known.over) {
      refused.set(cls, { ...known, latestAt: Math.max(known.latestAt, bookedAt) });
      continue;
    }
    const times = known === undefined || known.over ? 1 : known.times + 1;
    const untilAt = at.written + Math.min(LONGEST_MS, FIRST_MS * 2 ** times) * SLACK;
    const latestAt = Math.max(untilAt, bookedAt);
    const wait = standing ? { untilAt: Math.min(known.untilAt, untilAt), latestAt: Math.max(known.latestAt, latestAt) } : { untilAt, latestAt };
    refused.set(cls, { times, ...wait, over: false });
  }
  of.set(change.group, refused);
  return wrong;
}
