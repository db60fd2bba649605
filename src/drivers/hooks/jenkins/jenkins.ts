/** A step that is a job of Jenkins: triggered once per token, then followed to its result. */
import { throwIfAborted } from '../../../kit/command.ts';
import { durationMs } from '../../../kit/duration-text.ts';
import { fill } from '../../../kit/fill.ts';
import { hookEnv, hookFields } from '../../../kit/hook-fields.ts';
import type { DriverPorts } from '../../../ports/driver.ts';
import { DriverError } from '../../../ports/errors.ts';
import type { Hook, HookContext } from '../../../ports/hook.ts';
import { hasParameter, type JenkinsBuild, JenkinsClient, type JenkinsJob } from './client.ts';
import type { JenkinsHookOptions } from './options.ts';

/** After a trigger without an answer: looks whether it arrived. */
const LOOKS_AFTER_LOSS = 4;
/** Queue items are forgotten 5 min after they have left; the build stands in the list of the job by then. */
const LOOKS_WITHOUT_ITEM = 5;

type Found = { readonly item: number } | { readonly build: JenkinsBuild };

export class JenkinsHook implements Hook {
  readonly #options: JenkinsHookOptions;
  readonly #ports: DriverPorts;

  constructor(options: JenkinsHookOptions, ports: DriverPorts) {
    this.#options = options;
    this.#ports = ports;
  }

  async run(context: HookContext, signal: AbortSignal): Promise<void> {
    throwIfAborted(signal, 'the hook');
    const client = await JenkinsClient.open(this.#options, this.#ports, signal);
    const pace = new Pace(this.#ports, durationMs(this.#options.poll_every), signal);
    const found = (await this.#started(client, context)) ?? (await this.#start(client, context, pace));
    const build = 'build' in found ? found.build : await this.#leaveQueue(client, context, found.item, pace);
    await this.#finish(client, build, pace);
  }

  /** What an earlier try of this step has started. A build that failed is none: this try is another one. */
  async #started(client: JenkinsClient, context: HookContext): Promise<Found | null> {
    const first = await client.queued(this.#options.token_parameter, context.token);
    if (first !== null) return { item: first };
    return this.#alive(this.#buildOf(await client.job(), context));
  }

  #alive(build: JenkinsBuild | null): Found | null {
    return build !== null && (build.building || build.result === null || this.#isGood(build)) ? { build } : null;
  }

  #buildOf(job: JenkinsJob, context: HookContext): JenkinsBuild | null {
    return job.builds.find((each) => hasParameter(each.actions, this.#options.token_parameter, context.token)) ?? null;
  }

  async #start(client: JenkinsClient, context: HookContext, pace: Pace): Promise<Found> {
    const job = await client.job();
    const earlier = this.#buildOf(job, context);
    // It may have left the queue between the two looks before.
    const alive = this.#alive(earlier);
    if (alive !== null) return alive;
    const before = earlier?.number ?? 0;
    const values = this.#values(job, context);
    try {
      const item = await client.trigger(values);
      if (item !== null) return { item };
    } catch (e) {
      if (!(e instanceof DriverError) || e.definite) throw e;
      const found = await this.#lookAfterLoss(client, context, pace, before, LOOKS_AFTER_LOSS);
      if (found === null) throw e;
      return found;
    }
    const found = await this.#lookAfterLoss(client, context, pace, before, LOOKS_AFTER_LOSS);
    if (found === null) throw new DriverError('bad-reply', `Jenkins took the trigger of ${this.#options.job} and did not say where it stands in the queue`);
    return found;
  }

  /** Builds up to `before` are of earlier tries. */
  async #lookAfterLoss(client: JenkinsClient, context: HookContext, pace: Pace, before: number, looks: number): Promise<Found | null> {
    for (let look = 0; look < looks; look++) {
      await pace.pause();
      const item = await pace.patiently(() => client.queued(this.#options.token_parameter, context.token));
      if (item !== null) return { item };
      const build = this.#buildOf(await pace.patiently(() => client.job()), context);
      if (build !== null && build.number > before) return { build };
    }
    return null;
  }

  /** The parameters that are sent. Throws bad-request when the job does not take one: Jenkins would drop it and start the build all the same. */
  #values(job: JenkinsJob, context: HookContext): Readonly<Record<string, string>> {
    const { job: name, token_parameter: tokenParameter } = this.#options;
    if (!job.buildable) throw new DriverError('bad-request', `the job ${name} is disabled`);
    const fields = hookFields(context);
    const own = Object.fromEntries(Object.entries(this.#options.parameters).map(([key, text]) => [key, fill(text, fields)]));
    const missing = [tokenParameter, ...Object.keys(own)].find((key) => !job.parameters.includes(key));
    if (missing !== undefined) {
      const why = missing === tokenParameter ? ': without it a lost answer could start the job twice' : '';
      throw new DriverError('bad-request', `the job ${name} has no parameter ${missing}; add it there (a string)${why}`);
    }
    const told = Object.entries(hookEnv(context)).filter(([key]) => job.parameters.includes(key));
    return { ...Object.fromEntries(told), ...own, [tokenParameter]: context.token };
  }

  async #leaveQueue(client: JenkinsClient, context: HookContext, id: number, pace: Pace): Promise<JenkinsBuild> {
    for (let forgotten = 0; ; ) {
      const item = await pace
        .patiently(() => client.queueItem(id))
        .catch((e: unknown) => {
          if (e instanceof DriverError && e.code === 'not-found') return null;
          throw e;
        });
      if (item?.cancelled === true) throw new DriverError('unknown', `the job ${this.#options.job} was cancelled in the queue of Jenkins (item ${id})`);
      const number = item?.executable?.number;
      if (number !== undefined) return pace.patiently(() => client.build(number));
      if (item === null) {
        const build = this.#buildOf(await pace.patiently(() => client.job()), context);
        if (build !== null) return build;
        if (++forgotten >= LOOKS_WITHOUT_ITEM) throw new DriverError('not-found', `Jenkins does not know item ${id} of its queue, and has no build of it`);
      }
      pace.waitsFor(`the job ${this.#options.job} in the queue${item?.why == null ? '' : ` (${item.why.slice(0, 100)})`}`);
      await pace.pause();
    }
  }

  async #finish(client: JenkinsClient, build: JenkinsBuild, pace: Pace): Promise<void> {
    const url = client.buildUrl(build.number);
    let now = build;
    while (now.building || now.result === null) {
      pace.waitsFor(url);
      await pace.pause();
      now = await pace.patiently(() => client.build(build.number));
    }
    if (!this.#isGood(now)) throw new DriverError('unknown', `${this.#options.job} #${build.number} ended with ${now.result?.slice(0, 40)}: ${url}`);
  }

  #isGood({ result }: JenkinsBuild): boolean {
    return result === 'SUCCESS' || (result === 'UNSTABLE' && this.#options.allow_unstable);
  }
}

/** Looks at longer and longer intervals; what does not answer now is asked again until the step is over. */
class Pace {
  readonly #ports: DriverPorts;
  readonly #mostMs: number;
  readonly #signal: AbortSignal;
  #nextMs: number;
  #what = 'Jenkins';

  constructor(ports: DriverPorts, mostMs: number, signal: AbortSignal) {
    this.#ports = ports;
    this.#mostMs = mostMs;
    this.#signal = signal;
    this.#nextMs = Math.min(mostMs, Math.max(50, mostMs / 10));
  }

  waitsFor(what: string): void {
    this.#what = what;
  }

  async pause(leastMs = 0): Promise<void> {
    const ms = Math.max(leastMs, this.#nextMs);
    this.#nextMs = Math.min(this.#mostMs, this.#nextMs * 1.5);
    try {
      await this.#ports.clock.sleep(ms, this.#signal);
    } catch (e) {
      throw new DriverError('unreachable', `the step was aborted while it waited for ${this.#what}`, { cause: e });
    }
  }

  /** A read that may be repeated: what is unreachable, busy or restarting is asked again. */
  async patiently<T>(read: () => Promise<T>): Promise<T> {
    for (;;) {
      try {
        return await read();
      } catch (e) {
        const passing = e instanceof DriverError && (e.code === 'unreachable' || e.code === 'throttled' || e.code === 'unknown');
        if (!passing || this.#signal.aborted) throw e;
        await this.pause(Math.min(e.retryAfterMs ?? 0, 60_000));
      }
    }
  }
}
