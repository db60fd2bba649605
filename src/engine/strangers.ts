import type { CloudAbilities, InstanceRow, Machine } from '../ports/ports.ts';
import type { GroupRunner } from './group-runner.ts';
import type { GroupState } from './group-state.ts';
import { ABSENT_LISTS, become, stepOf } from './life.ts';
import type { Observation } from './observe.ts';
import { put, type Reconciled, tell } from './reconciled.ts';
import { isForgotten, machinePatch, newRow, numberOf } from './rows.ts';

/** Machines that carry our tags and are in no living row: duplicates, orphans, and what a restored book does not know. */
export function strangers(runner: GroupRunner, state: GroupState, machines: readonly Machine[], obs: Observation, can: CloudAbilities, r: Reconciled): void {
  const held: string[] = [];
  const known = new Set([...r.rows.values()].map((row) => row.machineId));
  const waiting = new Set([...r.rows.values()].filter((row) => row.machineId === null).map((row) => row.token));
  for (const m of machines) {
    if (!m.owner || known.has(m.id) || waiting.has(m.owner.token) || m.state === 'gone' || m.state === 'deleting') continue;
    const former = obs.goneByToken.get(m.owner.token);
    if (former && isForgotten(former)) continue;
    const n = numberOf(m.owner.token);
    const twin = [...r.rows.values()].some((row) => row.token === m.owner?.token);
    const key = `machine:${m.id}`;
    const seen = runner.absent.get(key);
    const serial = obs.cloud?.serial ?? 0;
    const lists = !seen ? 1 : seen.lastSerial === serial ? seen.lists : seen.lists + 1;
    runner.absent.set(key, { lists, lastSerial: serial, sinceMono: seen?.sinceMono ?? obs.atMono });
    // The books hold no trace of it (restored from a backup, or too old): a person decides, we never guess. One list alone may
    // have been read just before the machine left the books, except where the books were never written.
    if (!former && !twin) {
      if (lists > 1 || neverWritten(state)) held.push(m.id);
      if (n !== null) r.nextN = Math.max(r.nextN, n + 1);
      continue;
    }
    const old = obs.atMono - (seen?.sinceMono ?? obs.atMono) > can.consistencyMs;
    if (!obs.cloud?.complete || lists < ABSENT_LISTS || !old) continue;
    const cause = twin ? 'duplicate' : 'orphan';
    const why = twin ? 'a second machine of the same launch' : 'its instance was struck from the books before the machine appeared';
    const born = become(
      stranger(state, m, r, obs.atMs),
      obs.atMs,
      'draining',
      { removalCause: cause, removalWhy: why, step: stepOf('detach', obs.atMs) },
      { cause, why },
    );
    tell(r, born.event);
    put(r, born.row);
    runner.absent.delete(key);
  }
  runner.held = held;
  if (neverWritten(state) && obs.goneByToken.size === 0 && held.length > 0 && r.frozen === null) {
    r.frozen = `the books are empty and ${held.length} machine(s) of this group exist: adopt them (drover instances adopt ${runner.name} MACHINE), then unfreeze`;
    tell(r, { atMs: obs.atMs, group: runner.name, type: 'group.frozen', data: { why: r.frozen, machines: held } });
  }
}

/** A row for a machine the books do not hold, so that its end is as durable as any. */
function stranger(state: GroupState, m: Machine, r: Reconciled, nowMs: number): InstanceRow {
  const n = r.nextN++;
  return { ...newRow(state, n, `${m.owner?.instance ?? m.name}-x${n}`, nowMs), ...machinePatch(m), token: m.owner?.token ?? '' };
}

function neverWritten(state: GroupState): boolean {
  return state.row.nextN === 1 && state.rows.size === 0;
}
