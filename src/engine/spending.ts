import type { InstanceRow } from '../ports/ports.ts';
import type { EngineContext } from './context.ts';
import type { GroupRunner } from './group-runner.ts';

const HOUR_MS = 3_600_000;
/** Summed anew at most this often: it reads the whole history of the month. */
const KEEP_MS = 60_000;

/** What the machines of these rows cost from the first of the month (UTC) until now; null when a price is not known. */
export function spentThisMonth(rows: readonly InstanceRow[], pricePerHour: number | null, nowMs: number): number | null {
  const day = new Date(nowMs);
  const startMs = Date.UTC(day.getUTCFullYear(), day.getUTCMonth(), 1);
  let spent = 0;
  for (const row of rows) {
    if (row.machineId === null) continue; // nothing was ever launched for it
    const fromMs = Math.max(startMs, row.createdAtMs);
    const toMs = row.state === 'gone' ? row.sinceMs : nowMs;
    if (toMs <= fromMs) continue;
    const price = row.pricePerHour ?? pricePerHour;
    if (price === null) return null;
    spent += ((toMs - fromMs) / HOUR_MS) * price;
  }
  return spent;
}

/** The same for a group with a monthly budget; null for the others. */
export async function readSpending(ctx: EngineContext, runner: GroupRunner): Promise<number | null> {
  const { spec } = runner.state.row;
  if (spec.limits.budget?.perMonth == null) return null;
  const now = ctx.clock.mono();
  if (runner.spending === null || now - runner.spending.readMono > KEEP_MS) {
    const rows = await ctx.store.instances(runner.name, true);
    runner.spending = { readMono: now, value: spentThisMonth(rows, spec.pricePerHour, ctx.clock.wall()) };
  }
  return runner.spending.value;
}
