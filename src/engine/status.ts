import type { Decision } from '../core/model/model.ts';
import { isCapacity } from '../core/model/model.ts';
import type { GroupRow, InstanceRow } from '../ports/ports.ts';
import type { GroupRunner } from './group-runner.ts';
import type { GroupStatus } from './operations.ts';

/** One row of `status`, from what is committed and what was seen last. */
export function groupStatus(
  row: GroupRow,
  rows: readonly InstanceRow[],
  runner: GroupRunner | undefined,
  nextDueMs: number | null,
  nowMs: number,
  storeDown: string | null,
): GroupStatus {
  const last = runner?.lastDecision ?? null;
  const states: Record<string, number> = {};
  for (const r of rows) states[r.state] = (states[r.state] ?? 0) + 1;
  const running = rows.filter((r) => isCapacity(r.state) && r.removalCause === null && !r.detached && !r.standby).length;
  const paused = row.pause !== null && (row.pause.untilMs === null || row.pause.untilMs > nowMs) ? row.pause : null;
  const state = stateOf(row, last, paused !== null);
  const problem = problemOf(row, last, runner, storeDown);
  return {
    group: row.name,
    cloud: row.spec.cloud,
    mode: row.spec.mode,
    managed: row.managed,
    state,
    wanted: last?.wanted ?? row.memory?.target ?? row.spec.min,
    target: runner?.state.memory.target ?? row.memory?.target ?? row.spec.min,
    running,
    serving: last && runner?.lastEvaluatedMs ? last.serving : (states['serving'] ?? 0),
    min: row.spec.min,
    max: row.spec.max,
    demand: demandOf(last),
    sentence: problem ?? last?.sentence ?? (row.managed ? 'First evaluation is due.' : 'Not in the configuration file any more; its machines are kept.'),
    pause: paused,
    manual: row.manual.filter((m) => m.untilMs === null || m.untilMs > nowMs),
    decisionId: last?.id ?? null,
    lastEvaluatedMs: runner?.lastEvaluatedMs ?? null,
    nextDueMs,
    states,
    readings: runner?.lastReadings ?? {},
    problem,
  };
}

function stateOf(row: GroupRow, last: Decision | null, paused: boolean): GroupStatus['state'] {
  if (!row.managed) return 'unmanaged';
  if (row.frozen !== null) return 'frozen';
  if (paused) return 'paused';
  if (!last) return 'starting';
  if (last.blind) return 'blind';
  if (last.outcome === 'blocked' || last.blocked.length > 0) return 'blocked';
  if (row.spec.mode === 'observe') return 'observing';
  if (last.target > last.serving && last.running > last.serving) return 'out';
  if (last.outcome === 'scale_out') return 'out';
  if (last.outcome === 'scale_in') return 'in';
  return 'holding';
}

/** What needs a person; being at min or max does not. */
function problemOf(row: GroupRow, last: Decision | null, runner: GroupRunner | undefined, storeDown: string | null): string | null {
  if (storeDown !== null) return `the store failed: ${storeDown}`;
  if (row.frozen !== null) return row.frozen;
  if (!row.managed) return null;
  if (runner && runner.held.length > 0) return `${runner.held.length} machine(s) carry our tag and are not in the books: drover instances list --unmanaged`;
  if (last?.blind) return 'every metric is missing: nothing is known of the load';
  const blocked = last?.blocked[0];
  return blocked ? blocked.detail : null;
}

/** The largest size any policy asked for, before rounding: demand counted in instances. */
function demandOf(last: Decision | null): number | null {
  let demand: number | null = null;
  for (const p of last?.proposals ?? []) {
    if (p.advisory) continue;
    const exact = p.exact ?? p.wants;
    if (exact !== null && (demand === null || exact > demand)) demand = exact;
  }
  return demand;
}
