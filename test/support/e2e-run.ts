/** The run that every cloud must pass: rounds of load that rises and falls, with the controller killed on the way, and the books at its end. */
import { expect } from 'vitest';
import type { DecisionJson, InstanceJson } from '../../src/api/documents.ts';
import { until } from './daemon.ts';
import { allDecisions, allEvents, diagnose, GROUP, instances, machineProcesses, RATE, SIZE, type World } from './e2e-world.ts';
import { fingerprint } from './haproxy.ts';

const PATIENCE_MS = 60_000;

/** Adds to a failure what a reader wants to see. */
export async function told<T>(world: World, part: () => Promise<T>): Promise<T> {
  try {
    return await part();
  } catch (e) {
    process.stderr.write(`${await diagnose(world)}\n`);
    throw e;
  }
}

/** Exactly `count` machines, all of them serving. */
export async function settled(world: World, count: number): Promise<void> {
  await until(
    `${count} machines, all serving`,
    async () => {
      const rows = await instances(world);
      return rows.length === count && rows.every((r) => r.state === 'serving');
    },
    PATIENCE_MS,
  );
}

/** SIGKILLs the controller at the moment when some machine is as described, leaves it dead for a while, and starts it again. */
export async function killWhen(
  world: World,
  what: string,
  is: (row: InstanceJson) => boolean,
  whileDead: () => Promise<unknown> = async () => {},
): Promise<InstanceJson> {
  const row = await until(what, async () => (await instances(world)).find(is), PATIENCE_MS, 15);
  await world.controller.kill();
  await whileDead();
  await world.controller.start();
  return row;
}

export const isComing = (row: InstanceJson): boolean => row.state === 'intent' || row.state === 'booting' || row.state === 'warming';
/** Its create call is out: the outcome is not in the books. */
export const isBeingCreated = (row: InstanceJson): boolean => row.state === 'intent' && row.step?.kind === 'create' && row.step.error === 'under way';
export const isLeaving = (row: InstanceJson): boolean => row.state === 'draining' || row.state === 'terminating';

export function noFailure(world: World): void {
  expect(world.load.failures()).toEqual([]);
  expect(world.load.count()).toMatchObject({ failed: 0, skipped: 0 });
}

export interface Kills {
  /** Kill while machines come: when one is like this. */
  readonly coming?: (row: InstanceJson) => boolean;
  /** Kill before the alert; it begins while nobody listens. */
  readonly beforeAlert?: boolean;
  /** Kill while machines leave. */
  readonly leaving?: boolean;
}

/** One full round out and in. Each of the two signals scales out by itself; without both it scales in. */
export async function round(world: World, kills: Kills): Promise<void> {
  const before = (await allDecisions(world)).length;
  world.load.rate = RATE.high;
  if (kills.coming !== undefined) await killWhen(world, 'a machine on its way', kills.coming);
  await settled(world, SIZE.high);

  world.monitoring.setPressure(1);
  if (kills.beforeAlert) {
    await world.controller.kill();
    await until('Alertmanager to have the alert', () => world.monitoring.isFiring('WebPressure'), PATIENCE_MS);
    await world.controller.start();
  }
  await settled(world, SIZE.pressure);

  world.load.rate = RATE.base;
  await until('the traffic to look low', () => lowTraffic(world), PATIENCE_MS);
  await settled(world, SIZE.pressure); // the alert alone keeps them
  world.monitoring.setPressure(0);
  if (kills.leaving) await killWhen(world, 'a machine that leaves', isLeaving);
  await settled(world, SIZE.base);

  const decisions = (await allDecisions(world)).slice(before);
  expect(decisions.some((d) => d.outcome === 'scale_out' && d.target === SIZE.high && winner(d)?.policy === 'traffic')).toBe(true);
  expect(
    decisions.some((d) => d.outcome === 'scale_out' && d.target === SIZE.pressure && d.reason === 'ALERT_FIRING' && winner(d)?.policy === 'pressure'),
  ).toBe(true);
  expect(decisions.some((d) => d.outcome === 'scale_in' && d.target === SIZE.base)).toBe(true);
  expect(Math.max(...decisions.map((d) => d.running))).toBe(SIZE.pressure);
  noFailure(world);
}

const winner = (d: DecisionJson): DecisionJson['proposals'][number] | undefined => d.proposals.find((p) => p.winner);

async function lowTraffic(world: World): Promise<boolean> {
  const { readings } = await world.controller.client.group({ group: GROUP });
  const value = readings['rps']?.value ?? null;
  return value !== null && value <= SIZE.base * RATE.per;
}

/** Books, cloud, balancer, Prometheus and process table tell the same story, and what is not ours is as it was. */
export async function ledger(world: World, size: number): Promise<void> {
  await settled(world, size);
  const living = await instances(world);
  const ids = living.map((i) => i.id).sort();
  const events = await allEvents(world);
  expect(events.map((e) => e.seq)).toEqual(events.map((_, i) => i + 1));
  const named = (type: string): string[] =>
    events.filter((e) => e.type === type).flatMap((e) => (typeof e.data['instance'] === 'string' ? [e.data['instance']] : []));
  const [created, gone] = [named('instance.intent'), named('instance.gone')];
  expect(new Set(created).size).toBe(created.length);
  expect(new Set(gone).size).toBe(gone.length);
  expect([...gone, ...ids].sort()).toEqual([...created].sort());
  expect(created.length).toBe(gone.length + size);

  const machines = events.filter((e) => e.type === 'instance.booting').map((e) => e.data['machine']);
  expect(new Set(machines).size).toBe(machines.length);
  // It looks at a list that may be a second old.
  await until('no machine beside the books', async () => (await world.controller.client.unmanaged({ group: GROUP })).machines.length === 0, 5_000);
  await until('the processes to be those of living machines', async () => {
    const running = new Set((await machineProcesses(world)).map((p) => p.env['DROVER_INSTANCE']));
    return running.size === ids.length && ids.every((id) => running.has(id));
  });

  expect(await membersOf(world)).toEqual(living.map((i) => `${i.address}:${i.port} UP`).sort());
  expect(await fingerprint(world.haproxy, 'web', /^legacy$/)).toBe(world.foreignAtStart);
  expect(world.foreign.seen()).toBe(0);
  await until('Prometheus to scrape the living machines', async () => (await world.monitoring.query('count(up{job="members"} == 1)'))[0] === size);
  expect(await world.controller.client.verifyAudit()).toMatchObject({ ok: true, first_bad: null });
}

/** Slots of the backend with a member, as HAProxy's own statistics show them. */
async function membersOf(world: World): Promise<string[]> {
  const [header = '', ...lines] = (await world.haproxy.ask('show stat')).trim().split('\n');
  const columns = header.replace(/^# /, '').split(',');
  return lines
    .map((line) => {
      const fields = line.split(',');
      return (name: string): string => fields[columns.indexOf(name)] ?? '';
    })
    .filter((of) => of('pxname') === 'web' && /^app\d+$/.test(of('svname')) && of('addr') !== '127.0.0.1:1')
    .map((of) => `${of('addr')} ${of('status')}`)
    .sort();
}

/**
 * Every decision of the run says what it did and shows the arithmetic, and is made again the same from what is stored.
 * The command line says the same, asked why for every decision or one of each kind, and why not for one of each kind and for now.
 */
export async function explained(world: World, atTerminal: 'every' | 'each kind'): Promise<number> {
  const { client } = world.controller;
  const decisions = await allDecisions(world);
  for (const d of decisions) {
    const why = await client.whyDecision({ decision: d.id });
    const text = why.lines.join('\n');
    expect(why.sentence).toMatch(/^\S.*\.$/);
    expect(text).toContain(why.sentence);
    expect(text).toContain(d.reason);
    expect(text).toMatch(new RegExp(`^  wanted +${d.wanted}$`, 'm'));
    expect(text).toMatch(new RegExp(`^  target +${d.target}$`, 'm'));
    for (const p of d.proposals) {
      const line = why.lines.find((l) => l.startsWith(`  ${p.policy}   `)) ?? '';
      expect(line).not.toBe('');
      if (d.count === 1) expect(line).toContain(p.arithmetic);
      if (p.type !== 'target' || p.value === null || p.per === null) continue;
      expect(p.exact).toBeCloseTo(p.value / p.per, 9);
      const [, load, exact, size] = /^([\d.]+) req\/s \/ 50 = ([\d.]+) → (\d+)/.exec(p.arithmetic) ?? [];
      // Shown rounded: to three digits, and to a tenth of a machine.
      expect(Math.abs(Number(load) - p.value)).toBeLessThan(0.51);
      expect(Math.abs(Number(exact) - p.value / p.per)).toBeLessThan(0.051);
      expect(Number(size)).toBe(p.wants);
      expect(line).toMatch(/ req\/s \/ 50 = [\d.]+ → \d+/);
    }
    for (const g of [...d.limits, ...d.holds]) expect(text).toContain(` ${g.to} `);
    expect(why.why_not.length).toBeGreaterThanOrEqual(2);
    expect(why.why_not[0]).toMatch(/^web\b.*[.:]/);
    if (d.serving < d.target) expect(why.why_not[0]).not.toContain('is where it should be');

    const replay = await client.replay({ decision: d.id });
    expect(replay.again).toEqual(replay.stored);
    expect(replay.same, `replay of ${d.id}: ${d.sentence}`).toBe(true);
  }
  const kinds = new Map(decisions.map((d) => [`${d.outcome} ${d.reason}`, d]));
  const asked = [...(atTerminal === 'every' ? decisions : kinds.values())].map((d) => [d.id, '--utc']);
  asked.push(...[...kinds.values()].map((d) => [d.id, '--utc', '--not']));
  const ask = async (): Promise<void> => {
    for (let args = asked.pop(); args !== undefined; args = asked.pop()) await saysTheSame(world, args);
  };
  await Promise.all([ask(), ask()]);
  const now = await world.controller.cli('why', GROUP, '--not');
  expect(now.stdout).toMatch(/^web\b.*\d/);
  return decisions.length;
}

/** `drover why` prints the text of the API, line by line. */
async function saysTheSame(world: World, args: readonly string[]): Promise<void> {
  const why = await world.controller.client.whyDecision({ decision: args[0] ?? '', zone: 'UTC' });
  const printed = await world.controller.cli('why', ...args);
  expect(printed.code, printed.stderr).toBe(0);
  expect(printed.stdout).toContain((args.includes('--not') ? why.why_not : why.lines).join('\n'));
}
