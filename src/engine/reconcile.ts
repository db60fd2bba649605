import { rememberLaunchFailure } from '../core/remember.ts';
import type { CloudAbilities, InstanceRow, Machine, Member } from '../ports/ports.ts';
import { memberPort } from './context.ts';
import type { GroupRunner } from './group-runner.ts';
import type { GroupState } from './group-state.ts';
import { ABSENT_LISTS, advance, become, type LifeFacts } from './life.ts';
import type { Observation } from './observe.ts';
import { put, type Reconciled, tell, unmet } from './reconciled.ts';
import { isOther, machinePatch, numberOf } from './rows.ts';
import { strangers } from './strangers.ts';

/** Meets rows with machines, entries and health; moves every instance as far as it can go without a call. */
export function reconcile(runner: GroupRunner, state: GroupState, obs: Observation, can: CloudAbilities, inFlight: ReadonlySet<string>): Reconciled {
  if (obs.cloud?.complete) runner.listed = true;
  const r = unmet(state, true);
  const machines = obs.cloud?.byGroup.get(runner.name) ?? [];
  const byToken = new Map(machines.map((m) => [m.owner?.token ?? '', m]));
  const absent = countAbsent(runner, state, obs, byToken, inFlight);
  const mass = absent >= state.row.spec.limits.brake.count && absent >= state.row.spec.limits.brake.fraction * state.rows.size;
  r.cloudTrusted = obs.cloud?.complete === true && !mass;

  for (const row of state.rows.values()) {
    const named = row.machineId !== null ? machineOf(runner, row, obs, mass) : byToken.get(row.token);
    // Clouds reuse ids: what carries the tags of another launch or of someone else is not the machine that was made for this row.
    const machine = named && isOther(row, named) ? undefined : named;
    let now = meet(runner, row, machine, obs, inFlight, r);
    now = claimEntries(runner, state, now, obs);
    if (now !== row) put(r, now);
    // A machine found by its token was not asked about yet: that it stopped is not known.
    const trusted = row.machineId === null && machine && hasEnded(machine) ? undefined : machine;
    const facts = lifeFacts(runner, state, now, trusted, obs, can, mass, named !== machine);
    move(r, now, facts, obs.atMs, inFlight.has(row.id));
  }
  if (obs.cloud) strangers(runner, state, machines, obs, can, r);
  forgetGone(runner, state, machines);
  return r;
}

/** What is remembered of instances and strangers that are no more; now and then, because most looks have nothing to forget. */
function forgetGone(runner: GroupRunner, state: GroupState, machines: readonly Machine[]): void {
  const most = 2 * state.rows.size + machines.length + 50;
  if (runner.cleared.size > most) for (const key of runner.cleared) if (!state.rows.has(key.slice(0, key.indexOf(' ')))) runner.cleared.delete(key);
  if (runner.unheard.size > most) for (const id of runner.unheard.keys()) if (!state.rows.has(id)) runner.unheard.delete(id);
  if (runner.touchedMono.size > most) for (const id of runner.touchedMono.keys()) if (!state.rows.has(id)) runner.touchedMono.delete(id);
  if (runner.absent.size <= most) return;
  const strange = new Set(machines.map((m) => `machine:${m.id}`));
  for (const key of runner.absent.keys()) if (!state.rows.has(key) && !strange.has(key)) runner.absent.delete(key);
}

function hasEnded(machine: Machine): boolean {
  return machine.state === 'stopped' || machine.state === 'gone';
}

/**
 * The row's machine as far as it is known. That it stopped is believed when a direct question says so too; of many at once only when
 * several lists and the questions do.
 */
function machineOf(runner: GroupRunner, row: InstanceRow, obs: Observation, mass: boolean): Machine | undefined {
  const listed = obs.cloud?.byId.get(row.machineId ?? '');
  const known = listed && !hasEnded(listed) ? listed : (obs.proofs.get(row.id) ?? undefined);
  const doubted = known !== undefined && hasEnded(known) && mass && (runner.absent.get(row.id)?.lists ?? 0) < ABSENT_LISTS;
  return doubted ? undefined : known;
}

/** Counts, over different complete lists, how often a row's machine (or token) was not there. */
function countAbsent(runner: GroupRunner, state: GroupState, obs: Observation, byToken: ReadonlyMap<string, Machine>, inFlight: ReadonlySet<string>): number {
  const { cloud } = obs;
  if (!cloud?.complete) return 0;
  const listedMs = obs.atMs - (obs.atMono - cloud.asOfMono);
  const whole = isWhole(state, obs, cloud, listedMs);
  let suspicious = 0;
  for (const row of state.rows.values()) {
    const listed = row.machineId === null ? byToken.get(row.token) : cloud.byId.get(row.machineId);
    const there = listed !== undefined && !isOther(row, listed) && (row.machineId === null || !hasEnded(listed));
    if (there) {
      runner.absent.delete(row.id);
      continue;
    }
    // Lists before the end of the create call, or ones that lack machines which do exist, say nothing of a machine still to come.
    if (row.machineId === null && (!whole || inFlight.has(row.id) || (row.step?.attempts ?? 0) === 0)) continue;
    // After a restart nothing is known of when we last called: lists count from now on.
    if (listedMs <= row.sinceMs || cloud.asOfMono <= (runner.touchedMono.get(row.id) ?? Number.NEGATIVE_INFINITY)) continue;
    const seen = runner.absent.get(row.id);
    if (!seen) runner.absent.set(row.id, { lists: 1, lastSerial: cloud.serial, sinceMono: cloud.asOfMono });
    else if (seen.lastSerial !== cloud.serial) runner.absent.set(row.id, { ...seen, lists: seen.lists + 1, lastSerial: cloud.serial });
    if (row.machineId !== null && row.state !== 'terminating') suspicious++;
  }
  return suspicious;
}

/** False while the list lacks a machine of ours that a direct question did not prove gone: it is not evidence about others then. */
function isWhole(state: GroupState, obs: Observation, cloud: NonNullable<Observation['cloud']>, listedMs: number): boolean {
  for (const row of state.rows.values()) {
    if (row.machineId === null || row.state === 'terminating' || cloud.byId.has(row.machineId) || listedMs <= row.sinceMs) continue;
    const proof = obs.proofs.get(row.id);
    if (proof !== null && proof?.state !== 'gone') return false;
  }
  return true;
}

/** The row with what the cloud and the probes say of its machine. */
function meet(
  runner: GroupRunner,
  row: InstanceRow,
  machine: Machine | undefined,
  obs: Observation,
  inFlight: ReadonlySet<string>,
  r: Reconciled,
): InstanceRow {
  let next = row;
  if (machine && row.state === 'intent') {
    if (inFlight.has(row.id)) return row; // the create call itself will tell
    const born = become({ ...row, ...machinePatch(machine) }, obs.atMs, 'booting', { step: null }, { adopted: true });
    tell(r, born.event);
    next = born.row;
  } else if (machine && differs(row, machine)) {
    const { templateId: _, ...patch } = machinePatch(machine);
    next = { ...row, ...patch };
  }
  const none = runner.state.row.spec.health.check.kind === 'none';
  const track = runner.health.get(row.id);
  const health = none ? (machine?.state === 'running' ? 'healthy' : next.health) : (track?.health ?? next.health);
  if (health !== next.health) next = { ...next, health, healthSinceMs: none ? obs.atMs : (track?.sinceMs ?? obs.atMs) };
  return next;
}

function differs(row: InstanceRow, m: Machine): boolean {
  return row.address !== m.address || row.port !== m.port || row.zone !== m.zone || row.pricePerHour !== m.pricePerHour || row.paidUntilMs !== m.paidUntilMs;
}

function isListed(row: InstanceRow, obs: Observation): boolean {
  const machine = obs.cloud?.byId.get(row.machineId ?? '');
  return machine !== undefined && !isOther(row, machine);
}

/** By the number in the token: a row for a stranger is new in the books, its machine is not. */
function isLater(a: InstanceRow, b: InstanceRow): boolean {
  return (numberOf(a.token) ?? a.n) > (numberOf(b.token) ?? b.n);
}

/** A later machine that the cloud shows has the row's address: its own does not exist any more. */
function hasSuccessor(state: GroupState, row: InstanceRow, obs: Observation): boolean {
  if (row.address === null) return false;
  for (const other of state.rows.values()) {
    if (isLater(other, row) && other.address === row.address && other.port === row.port && isListed(other, obs)) return true;
  }
  return false;
}

/** Another living instance answers at the same place: entries there are its own. Ports and addresses are reused. */
function placeTaken(state: GroupState, row: InstanceRow, obs: Observation): boolean {
  if (row.address === null) return false;
  for (const other of state.rows.values()) {
    if (other.id === row.id || other.address !== row.address || other.port !== row.port) continue;
    if (other.state === 'terminating') continue;
    // Only one of the two machines can still exist: the later one, unless only the earlier one is shown.
    if (isLater(other, row) || (other.removalCause === null && isListed(other, obs) && !isListed(row, obs))) return true;
  }
  return false;
}

/** A leaving instance takes every entry at its place with it, also one whose attach we never heard the end of. */
function claimEntries(runner: GroupRunner, state: GroupState, row: InstanceRow, obs: Observation): InstanceRow {
  if (row.state !== 'draining' || row.address === null) return row;
  if (placeTaken(state, row, obs)) return Object.keys(row.members).length === 0 ? row : { ...row, members: {} };
  let members = row.members;
  for (const { balancer } of state.row.spec.balancers) {
    const port = memberPort(state.row.spec, balancer, row.port);
    const facts = obs.balancers.get(balancer);
    // A list older than our own last change shows what we took out a moment ago.
    if (!facts || facts.asOfMono <= (runner.touchedMono.get(row.id) ?? Number.NEGATIVE_INFINITY)) continue;
    const entry = facts.byAddress.get(`${row.address}:${port}`);
    if (entry && members[balancer] === undefined && !runner.cleared.has(`${row.id} ${balancer}`)) members = { ...members, [balancer]: entry.ref };
  }
  return members === row.members ? row : { ...row, members };
}

function lifeFacts(
  runner: GroupRunner,
  state: GroupState,
  row: InstanceRow,
  machine: Machine | undefined,
  obs: Observation,
  can: CloudAbilities,
  mass: boolean,
  replaced: boolean,
): LifeFacts {
  const members = new Map<string, Member | null | undefined>();
  const touched = runner.touchedMono.get(row.id) ?? Number.NEGATIVE_INFINITY;
  let sessions: number | null = 0;
  let sessionsKnown = true;
  for (const { balancer } of state.row.spec.balancers) {
    const facts = obs.balancers.get(balancer);
    const ref = row.members[balancer];
    if (!facts || facts.asOfMono <= touched) {
      sessionsKnown = false;
      continue;
    }
    const entry = ref === undefined ? undefined : facts.byRef.get(ref);
    if (!entry && !facts.complete) continue;
    members.set(balancer, entry ?? null);
    if (entry) {
      if (entry.sessions === null) sessionsKnown = false;
      else sessions += entry.sessions;
    }
  }
  const absence = runner.absent.get(row.id);
  const proof = obs.proofs.get(row.id);
  // What was made (or last moved) a moment ago may not be shown yet. What we deleted was shown just before.
  // The questions were asked when the list was, however long the rest of the look took.
  const agoMs = obs.cloud ? obs.atMono - obs.cloud.asOfMono : 0;
  const ageMs = Math.min(obs.atMs - row.sinceMs, obs.atMono - runner.takenMono) - agoMs;
  const settled = row.state === 'terminating' || replaced || ageMs > can.consistencyMs || hasSuccessor(state, row, obs);
  const said = replaced || (obs.proofs.has(row.id) && proof === null) || proof?.state === 'gone' || machine?.state === 'gone';
  return {
    spec: state.row.spec,
    nowMs: obs.atMs,
    can,
    machine,
    absentLists: absence?.lists ?? 0,
    watchedMs: obs.atMono - runner.takenMono,
    fault: runner.health.get(row.id)?.fault ?? null,
    // From list to list: the rest of the look may have taken long.
    absentMs: absence && obs.cloud ? obs.cloud.asOfMono - absence.sinceMono : 0,
    proofGone: said && settled && (row.state === 'terminating' || !mass || (absence?.lists ?? 0) >= ABSENT_LISTS),
    members,
    sessions: sessionsKnown ? sessions : null,
    sessionsKnown,
  };
}

/** Transitions until the row waits or wants a call. Bounded: no life has more stations than this. */
function move(r: Reconciled, row: InstanceRow, facts: LifeFacts, nowMs: number, busy: boolean): void {
  let now = row;
  for (let i = 0; i < 8; i++) {
    const next = advance(now, facts);
    if (next.kind === 'become') {
      if (busy && now.state !== 'terminating' && next.row.state === now.state) return; // the step under way owns it
      now = next.row;
      tell(r, next.event);
      if (next.launchFailed) r.memory = rememberLaunchFailure(r.memory, next.launchFailed.cls, next.launchFailed.code, next.launchFailed.detail, nowMs, null);
      put(r, now);
      if (now.state === 'gone') return;
      if (now.state === 'draining' && row.state !== 'draining') {
        // Its way out begins with a fresh look: an attach whose end we never heard may have left entries to take along.
        r.wakeMs = nowMs;
        return;
      }
      continue;
    }
    if (next.kind === 'call') r.calls.push({ id: now.id, step: next.step });
    else if (next.untilMs !== null) r.wakeMs = r.wakeMs === null ? next.untilMs : Math.min(r.wakeMs, next.untilMs);
    return;
  }
}
