import { type GroupSpec, type MetricSpec, missing, type Reading } from '../core/model/model.ts';
import { asDriverError, type InstanceRow, type Machine } from '../ports/ports.ts';
import type { BalancerFacts } from './balancer-access.ts';
import type { CloudFacts } from './cloud-access.ts';
import type { EngineContext } from './context.ts';
import { withDeadline } from './deadline.ts';
import type { GroupRunner } from './group-runner.ts';
import { readSpending } from './spending.ts';

/** What the world looked like, as far as it answered in time. */
export interface Observation {
  readonly atMs: number;
  /** The same moment, monotonic ms. */
  readonly atMono: number;
  readonly cloud: CloudFacts | null;
  readonly cloudError: string | null;
  /** Direct answers about machines the list did not show, by instance id; null: it does not exist. */
  readonly proofs: ReadonlyMap<string, Machine | null>;
  readonly balancers: ReadonlyMap<string, BalancerFacts | null>;
  readonly readings: Readonly<Record<string, Reading>>;
  /** Rows of this group that are gone and whose token a machine still carries. */
  readonly goneByToken: ReadonlyMap<string, InstanceRow>;
  /** In the budget's currency; null: no monthly budget, or not known. */
  readonly spentThisMonth: number | null;
}

/** Direct questions per cycle: more wait for the next one. */
const GETS_AT_ONCE = 20;

export async function observe(ctx: EngineContext, runner: GroupRunner): Promise<Observation> {
  const { spec } = runner.state.row;
  const [cloud, balancers, readings, spentThisMonth] = await Promise.all([
    readCloud(ctx, runner, spec),
    readBalancers(ctx, spec),
    readMetrics(ctx, spec),
    readSpending(ctx, runner),
  ]);
  return { atMs: ctx.clock.wall(), atMono: ctx.clock.mono(), ...cloud, balancers, readings, spentThisMonth };
}

async function readCloud(
  ctx: EngineContext,
  runner: GroupRunner,
  spec: GroupSpec,
): Promise<Pick<Observation, 'cloud' | 'cloudError' | 'proofs' | 'goneByToken'>> {
  const access = ctx.world().clouds.get(spec.cloud);
  if (!access) return { cloud: null, cloudError: `no cloud named ${spec.cloud} is configured`, proofs: NOTHING, goneByToken: NOBODY };
  try {
    const cloud = await access.view.list(Math.min(10_000, Math.max(500, spec.evaluateEveryMs / 2)));
    const listedMs = ctx.clock.wall() - (ctx.clock.mono() - cloud.asOfMono);
    const doubtful: InstanceRow[] = [];
    for (const row of runner.state.rows.values()) {
      if (row.machineId === null || doubtful.length >= GETS_AT_ONCE) continue;
      const listed = cloud.byId.get(row.machineId);
      // What a list says of a machine's end is asked again, machine by machine: a wrong list must not cost a running one.
      const ended = listed === undefined ? cloud.complete && listedMs > row.sinceMs : listed.state === 'stopped' || listed.state === 'gone';
      if (row.state === 'terminating' || ended) doubtful.push(row);
    }
    const proofs = doubtful.length === 0 ? NOTHING : await prove(access.view, doubtful);
    return { cloud, cloudError: null, proofs, goneByToken: await formerly(ctx, runner, cloud) };
  } catch (e) {
    return { cloud: null, cloudError: asDriverError(e).message, proofs: NOTHING, goneByToken: NOBODY };
  }
}
const NOTHING: ReadonlyMap<string, Machine | null> = new Map();
const NOBODY: ReadonlyMap<string, InstanceRow> = new Map();

async function prove(view: { get(id: string): Promise<Machine | null> }, rows: readonly InstanceRow[]): Promise<ReadonlyMap<string, Machine | null>> {
  const proofs = new Map<string, Machine | null>();
  await Promise.all(
    rows.map(async (row) => {
      try {
        proofs.set(row.id, await view.get(row.machineId as string));
      } catch {
        // no answer is no evidence
      }
    }),
  );
  return proofs;
}

/** Only when a machine carries a token that no living row has: was it one of ours? */
async function formerly(ctx: EngineContext, runner: GroupRunner, cloud: CloudFacts): Promise<ReadonlyMap<string, InstanceRow>> {
  const machines = cloud.byGroup.get(runner.name) ?? [];
  if (machines.length === 0) return NOBODY;
  const living = new Set([...runner.state.rows.values()].map((r) => r.token));
  const strange = machines.filter((m) => m.owner && !living.has(m.owner.token));
  if (strange.length === 0) return NOBODY;
  const tokens = new Set(strange.map((m) => m.owner?.token));
  const all = await ctx.store.instances(runner.name, true);
  return new Map(all.filter((r) => r.state === 'gone' && tokens.has(r.token)).map((r) => [r.token, r]));
}

async function readBalancers(ctx: EngineContext, spec: GroupSpec): Promise<ReadonlyMap<string, BalancerFacts | null>> {
  if (spec.balancers.length === 0) return NO_BALANCERS;
  const facts = new Map<string, BalancerFacts | null>();
  await Promise.all(
    spec.balancers.map(async ({ balancer }) => {
      const access = ctx.world().balancers.get(balancer);
      try {
        facts.set(balancer, access ? await access.view.members(Math.min(2_000, spec.evaluateEveryMs / 4)) : null);
      } catch {
        facts.set(balancer, null);
      }
    }),
  );
  return facts;
}
const NO_BALANCERS: ReadonlyMap<string, BalancerFacts | null> = new Map();

/** One value of one metric now; never throws. Used by cycles and by `metrics test`. */
export async function readMetric(ctx: EngineContext, metric: MetricSpec, limitMs: number): Promise<Reading> {
  const source = ctx.world().sources.get(metric.source);
  if (!source) return missing('source-error', `no source named ${metric.source} is configured`, ctx.clock.wall());
  try {
    return await withDeadline(ctx.clock, limitMs, `source ${metric.source}`, (signal) => source.read(metric.query, signal));
  } catch (e) {
    return missing('source-error', asDriverError(e).message, ctx.clock.wall());
  }
}

async function readMetrics(ctx: EngineContext, spec: GroupSpec): Promise<Readonly<Record<string, Reading>>> {
  const names = Object.keys(spec.metrics);
  if (names.length === 0) return {};
  const limit = Math.min(10_000, Math.max(1_000, spec.evaluateEveryMs));
  const values = await Promise.all(names.map((name) => readMetric(ctx, spec.metrics[name] as MetricSpec, limit)));
  return Object.fromEntries(names.map((name, i) => [name, values[i] as Reading]));
}
