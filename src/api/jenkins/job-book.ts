/** Queue and builds of the jobs. Durable as alerts, so that numbers go on after a restart; what is here can be read again from there. */

import { ONCE_UNTIL } from '../../core/policies/alert.ts';
import type { Operations } from '../../engine/operations.ts';
import type { Clock, InboundAlert, Log, Secrets, TriggerJob } from '../../ports/ports.ts';
import { ApiProblem } from '../problem.ts';
import { alertOfBuild, buildOfAlert, type JobBuild } from './job-build.ts';
import { judgeBuild } from './judge-build.ts';

/** Ended builds remembered per job; the store has all of them as long as events are kept. */
const MOST_ENDED = 200;
/** Triggers that groups have not acted on. */
const MOST_OPEN = 500;
const LOOK_EVERY_MS = 1000;

export interface JobBook {
  /** Queues a trigger; an equal one that is still queued, or one with the same key, is that one. `key`: the sender's own id of the request. */
  trigger(receiver: string, job: TriggerJob, alert: InboundAlert, key: string | null, quietMs: number | null): Promise<JobBuild>;
  /** By its number in the queue; null: none of that receiver. Up to date. */
  item(receivers: readonly string[], queue: number): Promise<JobBuild | null>;
  /** Of one job, newest first. Up to date. */
  builds(receiver: string, job: string): Promise<readonly JobBuild[]>;
  close(): void;
}

interface BookDeps {
  readonly operations: Operations;
  readonly clock: Clock;
  readonly secrets: Pick<Secrets, 'sha256'>;
  readonly log: Log;
  /** Receivers that have jobs now. */
  readonly receivers: () => readonly string[];
}

export function createJobBook(deps: BookDeps): JobBook {
  return new Book(deps);
}

class Book implements JobBook {
  readonly #deps: BookDeps;
  readonly #byQueue = new Map<number, JobBuild>();
  /** Those whose alert still fires. */
  readonly #firing = new Set<number>();
  readonly #loaded = new Set<string>();
  #lastQueue = 0;
  readonly #lastNumber = new Map<string, number>();
  #turn: Promise<unknown> = Promise.resolve();
  #cancel: (() => void) | null = null;
  #closed = false;

  constructor(deps: BookDeps) {
    this.#deps = deps;
    // What was open when the controller stopped comes to its end without being asked.
    this.#look(0);
  }

  close(): void {
    this.#closed = true;
    this.#cancel?.();
  }

  trigger(receiver: string, job: TriggerJob, alert: InboundAlert, key: string | null, quietMs: number | null): Promise<JobBuild> {
    return this.#inTurn(async () => {
      await this.#load();
      const { clock, secrets, operations } = this.#deps;
      const now = clock.wall();
      const digest = key === null ? null : secrets.sha256(key);
      const { [ONCE_UNTIL]: until, ...parameters } = alert.labels;
      const known = this.#of(receiver, job.name).find((b) => (digest !== null && b.key === digest) || (b.leftMs > now && isEqual(b.parameters, parameters)));
      if (known !== undefined) return known;
      if (this.#firing.size >= MOST_OPEN) throw busy('There are too many triggers that no group has acted on yet.');
      const queue = this.#lastQueue + 1;
      const build: JobBuild = {
        receiver,
        job: job.name,
        queue,
        number: (this.#lastNumber.get(job.name) ?? 0) + 1,
        parameters,
        episode: `queue-${queue}/${now}`,
        receivedMs: now,
        leftMs: now + Math.min(quietMs ?? job.quietMs, job.validForMs),
        untilMs: Number(until),
        key: digest,
        result: null,
        description: null,
        endedMs: null,
      };
      const { fired } = await operations.receive(receiver, [alertOfBuild(build, false)], null);
      if (fired !== 1) throw busy('The trigger was not kept: too many alerts fire.');
      this.#keep(build, true);
      this.#look(LOOK_EVERY_MS);
      return build;
    });
  }

  item(receivers: readonly string[], queue: number): Promise<JobBuild | null> {
    return this.#inTurn(async () => {
      await this.#load();
      const build = this.#byQueue.get(queue);
      return build !== undefined && receivers.includes(build.receiver) ? this.#judge(build) : null;
    });
  }

  builds(receiver: string, job: string): Promise<readonly JobBuild[]> {
    return this.#inTurn(async () => {
      await this.#load();
      return Promise.all(this.#of(receiver, job).map((build) => this.#judge(build)));
    });
  }

  /** One after the other: numbers and equal triggers depend on what came before. */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#turn.then(work);
    this.#turn = result.catch(() => {});
    return result;
  }

  #of(receiver: string, job: string): JobBuild[] {
    return [...this.#byQueue.values()].filter((b) => b.receiver === receiver && b.job === job).sort((a, b) => b.number - a.number);
  }

  async #load(): Promise<void> {
    const receivers = this.#deps.receivers();
    if (receivers.every((name) => this.#loaded.has(name))) return;
    const rows = await this.#deps.operations.alerts(true);
    for (const row of rows) {
      if (this.#loaded.has(row.receiver) || !receivers.includes(row.receiver)) continue;
      const build = buildOfAlert(row);
      if (build !== null) this.#keep(build, row.status === 'firing');
    }
    for (const name of receivers) this.#loaded.add(name);
  }

  #keep(build: JobBuild, fires: boolean): void {
    this.#byQueue.set(build.queue, build);
    if (fires) this.#firing.add(build.queue);
    else this.#firing.delete(build.queue);
    this.#lastQueue = Math.max(this.#lastQueue, build.queue);
    this.#lastNumber.set(build.job, Math.max(this.#lastNumber.get(build.job) ?? 0, build.number));
    const old = this.#of(build.receiver, build.job).filter((b) => !this.#firing.has(b.queue));
    for (const each of old.slice(MOST_ENDED)) this.#byQueue.delete(each.queue);
  }

  /** The build with what is known of it now; ends its alert when it is over. */
  async #judge(build: JobBuild): Promise<JobBuild> {
    if (!this.#firing.has(build.queue)) return build;
    const { operations, clock } = this.#deps;
    let now = build;
    if (build.result === null) {
      const { result, description, endedMs } = await judgeBuild(operations, build, clock.wall());
      if (result !== null) now = { ...build, result, description, endedMs };
      this.#keep(now, true);
    }
    // A floor lasts until the trigger is over; what nobody has a policy for is over at once.
    if (now.result === null || (clock.wall() < now.untilMs && now.result !== 'NOT_BUILT')) return now;
    await operations.receive(now.receiver, [alertOfBuild(now, true)], null);
    this.#keep(now, false);
    return now;
  }

  #look(afterMs: number): void {
    if (this.#closed || this.#cancel !== null) return;
    this.#cancel = this.#deps.clock.after(afterMs, () => {
      this.#cancel = null;
      this.#inTurn(async () => {
        await this.#load();
        for (const queue of [...this.#firing]) {
          const build = this.#byQueue.get(queue);
          if (build !== undefined && !this.#closed) await this.#judge(build);
        }
      })
        .catch((error: unknown) => this.#deps.log.warn({ error }, 'what became of triggers could not be looked up; it is tried again'))
        .finally(() => {
          if (this.#firing.size > 0 || this.#loaded.size < this.#deps.receivers().length) this.#look(LOOK_EVERY_MS);
        });
    });
  }
}

function isEqual(a: Readonly<Record<string, string>>, b: Readonly<Record<string, string>>): boolean {
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every((key) => Object.hasOwn(b, key) && a[key] === b[key]);
}

function busy(why: string): ApiProblem {
  return new ApiProblem(503, 'overloaded', why, { 'retry-after': '5' });
}
