/** Is everything as it should be? Compares the books with what is true, until both say the same. */
import type { InstanceJson } from '../../src/api/documents.ts';
import type { Truth } from './judge.ts';
import type { Ledger } from './ledger.ts';
import { orders } from './ledger.ts';
import type { Storm } from './storm.ts';
import { GROUP, SIZE, type World } from './world.ts';

/** Far beyond the ticks allowed, and beyond the back-off of a launch that failed: what has not come together by then never does. */
const PATIENCE_MS = 90_000;
const LOOK_EVERY_MS = 40;

export interface Settled {
  /** Ticks of the controller until everything was right. */
  readonly ticks: number;
  /** Those of them in which a call that had failed before the kill waited for its next try: a second, which no option shortens. */
  readonly waited: number;
}

const sameSets = (a: readonly unknown[], b: readonly unknown[]): boolean => a.length === b.length && new Set([...a, ...b]).size === new Set(a).size;
const foreign = (id: string): boolean => id.startsWith('foreign-');

/** What is not yet right; empty when nothing is. */
export function unsettled(truth: Truth, rows: readonly InstanceJson[], wanted: number): string[] {
  const wrong: string[] = [];
  const machines = truth.machines.filter((m) => !foreign(m.id));
  const members = truth.members.filter((m) => m.owner !== 'somebody-else');
  if (rows.length !== wanted) wrong.push(`${rows.length} rows for ${wanted} wanted`);
  for (const row of rows) {
    if (row.state === 'serving' && row.step === null && row.health === 'healthy' && row.removal_cause === null && !row.remove_requested) continue;
    wrong.push(`${row.id} ${row.state} ${row.health} ${row.removal_cause ?? ''} ${JSON.stringify(row.step)}`);
  }
  if (
    !sameSets(
      machines.map((m) => m.id),
      rows.map((r) => r.machine),
    )
  )
    wrong.push(`machines ${machines.map((m) => m.id).join(' ')} for rows ${rows.map((r) => r.machine).join(' ')}`);
  for (const machine of machines) if (machine.state !== 'running') wrong.push(`machine ${machine.id} is ${machine.state}`);
  if (
    !sameSets(
      members.map((m) => m.address),
      machines.map((m) => m.address),
    )
  )
    wrong.push(`entries of ${members.map((m) => m.address).join(' ')} for ${machines.map((m) => m.address).join(' ')}`);
  for (const member of members) if (member.state !== 'ready' || member.health !== 'up') wrong.push(`entry ${member.ref} is ${member.state}, ${member.health}`);
  return wrong;
}

/** Holds at every moment. */
export function trespasses(truth: Truth): string[] {
  const wrong = [...truth.violations];
  if (truth.machines.filter((m) => foreign(m.id) && m.state === 'running').length !== 2) wrong.push("somebody else's machines are not what they were");
  const theirs = truth.members.filter((m) => m.owner === 'somebody-else').map(({ ref, address, port, weight }) => `${ref} ${address}:${port} ${weight}`);
  if (theirs.join() !== 'theirs 127.0.0.1:9 3') wrong.push(`somebody else's entry is ${theirs.join()}`);
  return wrong;
}

/** Ends what would hold the group where it is, then waits until it is right. Null: the controller died meanwhile. */
export async function settle(world: World, ledger: Ledger, storm: Storm): Promise<Settled | null> {
  const end = performance.now() + PATIENCE_MS;
  const waits: { readonly fromMs: number; readonly toMs: number }[] = [];
  let wrong: string[] = ['nothing was seen'];
  let lastMs = Date.now();
  while (performance.now() < end) {
    try {
      const seen = await look(world, ledger, storm);
      wrong = seen.wrong;
      const now = Date.now();
      if (seen.waiting) waits.push({ fromMs: lastMs, toMs: now });
      lastMs = now;
      if (wrong.length === 0) {
        const ticks = world.ticks().filter((tick) => tick <= now);
        return { ticks: ticks.length, waited: ticks.filter((tick) => waits.some((w) => w.fromMs < tick && tick <= w.toMs)).length };
      }
    } catch (e) {
      wrong = [String(e)];
      if (e instanceof Trespass) throw e;
    }
    if (!world.alive) return null;
    await Promise.race([new Promise((done) => setTimeout(done, LOOK_EVERY_MS)), world.ended]);
  }
  throw new Error(`nothing settled within ${PATIENCE_MS} ms: ${wrong.join('; ')}`);
}

class Trespass extends Error {}

async function look(world: World, ledger: Ledger, storm: Storm): Promise<{ wrong: string[]; waiting: boolean }> {
  const [truth, { instances }, group] = await Promise.all([world.truth(), world.client.instances({ group: GROUP }), world.client.group({ group: GROUP })]);
  const trespass = trespasses(truth);
  if (trespass.length > 0) throw new Trespass(trespass.join('; '));
  if (group.pause) await ledger.give(world.client, orders.resume());
  for (const i of instances) if (i.protected) await ledger.give(world.client, orders.protect(i.id, false));
  const floor = group.manual.find((m) => m.kind === 'floor')?.size ?? 0;
  const problem = group.problem === null ? [] : [`the group says: ${group.problem}`];
  const waiting = instances.some(({ step }) => step !== null && step.error !== null && step.error !== 'under way' && Date.parse(step.next_try) > Date.now());
  return { wrong: [...unsettled(truth, instances, Math.min(SIZE.max, Math.max(SIZE.min, storm.size, floor))), ...problem], waiting };
}
