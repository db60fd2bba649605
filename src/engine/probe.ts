import type { GroupSpec, Health } from '../core/model/model.ts';
import { asDriverError, type InstanceRow } from '../ports/ports.ts';
import type { EngineContext } from './context.ts';
import { within } from './deadline.ts';
import type { GroupRunner, HealthTrack } from './group-runner.ts';
import { Slots } from './serial.ts';

/** Probes of the whole process at once. */
const slots = new WeakMap<EngineContext, Slots>();
const PROBES_AT_ONCE = 200;

/** Asks every machine of the group that should answer; wakes the group when one changed its health. Returns when to ask again, ms. */
export async function probeGroup(ctx: EngineContext, runner: GroupRunner): Promise<number> {
  const { spec } = runner.state.row;
  const { check } = spec.health;
  if (check.kind === 'none' || !runner.state.row.managed) return Number.POSITIVE_INFINITY;
  let limit = slots.get(ctx);
  if (!limit) {
    limit = new Slots(PROBES_AT_ONCE);
    slots.set(ctx, limit);
  }
  let againMs = spec.health.everyMs;
  let changed = false;
  const asked: Promise<void>[] = [];
  for (const row of runner.state.rows.values()) {
    if (row.address === null || (row.state !== 'booting' && row.state !== 'warming' && row.state !== 'serving')) continue;
    if (row.state !== 'serving') againMs = Math.min(againMs, eagerMs(ctx.clock.wall() - row.sinceMs));
    asked.push(
      limit.run(async () => {
        // Whoever never answers must not keep the place of a check, nor end the checks of its group.
        const limitMs = spec.health.timeoutMs + 1_000;
        const fault = await within(ctx.clock, limitMs, 'the check', probe(ctx, spec, row)).catch((e: unknown) => asDriverError(e).message);
        changed = note(runner, row, fault, spec, ctx.clock.wall()) || changed;
      }),
    );
  }
  await Promise.all(asked);
  for (const id of runner.health.keys()) if (!runner.state.rows.has(id)) runner.health.delete(id);
  if (changed) ctx.wake(runner.name);
  return againMs;
}

/** Who is awaited is asked often: at most a thirtieth of its start is lost to waiting for the next question. */
function eagerMs(awaitedMs: number): number {
  return Math.max(500, awaitedMs / 30);
}

/** Null: it passed. Else what the check saw, for people. */
async function probe(ctx: EngineContext, spec: GroupSpec, row: InstanceRow): Promise<string | null> {
  const { check, timeoutMs } = spec.health;
  if (check.kind === 'none') return null;
  const port = check.port ?? row.port ?? spec.balancers[0]?.port ?? null;
  if (row.address === null) return 'it has no address yet';
  if (port === null) return 'no port is known: set health.port';
  const host = row.address.includes(':') ? `[${row.address}]` : row.address;
  if (check.kind === 'tcp') {
    const open = await ctx.sockets.canConnect({ host: row.address, port }, timeoutMs);
    return open ? null : `${host}:${port} takes no connection`;
  }
  const url = `http://${host}:${port}${check.path}`;
  try {
    const { status } = await ctx.http.request({ method: 'GET', url, timeoutMs, maxBytes: 1_048_576 });
    return status >= 200 && status < 400 ? null : `GET ${url} answered ${status}`;
  } catch (e) {
    return `GET ${url}: ${asDriverError(e).message}`;
  }
}

/** Counts in a row; true when the health changed. A machine that never answered is not yet unhealthy: it boots. */
function note(runner: GroupRunner, row: InstanceRow, fault: string | null, spec: GroupSpec, nowMs: number): boolean {
  const seen: HealthTrack = runner.health.get(row.id) ?? { health: row.health, sinceMs: row.healthSinceMs, passed: 0, failed: 0, fault: null };
  seen.passed = fault === null ? seen.passed + 1 : 0;
  seen.failed = fault === null ? 0 : seen.failed + 1;
  seen.fault = fault;
  let { health }: { health: Health } = seen;
  if (seen.passed >= spec.health.healthyAfter) health = 'healthy';
  else if (seen.failed >= spec.health.unhealthyAfter && health !== 'unknown') health = 'unhealthy';
  const changed = health !== seen.health;
  if (changed) {
    seen.health = health;
    seen.sinceMs = nowMs;
  }
  runner.health.set(row.id, seen);
  return changed;
}
