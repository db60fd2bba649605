import type { GroupSpec, HookSpec, Json, ScheduleWindow } from '../core/model/model.ts';
import type { AlertRow, Clock, Crash, Hook, Http, Log, Notifier, Random, Sockets, Source, Store } from '../ports/ports.ts';
import type { BalancerHands, BalancerView } from './balancer-access.ts';
import type { CloudHands, CloudView } from './cloud-access.ts';
import type { GroupRunner } from './group-runner.ts';
import type { Instrument } from './instrument.ts';

/** Cron, time zones and holidays, resolved outside the core so that a decision replays whatever the zone data of the day. */
export interface Calendar {
  schedule(options: Json, atMs: number): ScheduleWindow | null;
  freezeUntil(freezes: readonly Json[], atMs: number): number | null;
}

export interface ConfiguredNotifier {
  readonly notifier: Notifier;
  /** Events sent at once. */
  readonly atOnce: readonly string[];
  readonly digest: { readonly everyMs: number; readonly of: readonly string[] } | null;
}

/** Everything outside that the configuration named, opened by app. Replaced whole by a reload. */
export interface World {
  readonly clouds: ReadonlyMap<string, { readonly view: CloudView; readonly hands: CloudHands }>;
  readonly balancers: ReadonlyMap<string, { readonly view: BalancerView; readonly hands: BalancerHands }>;
  readonly sources: ReadonlyMap<string, Source>;
  readonly notifiers: ReadonlyMap<string, ConfiguredNotifier>;
  openHook(spec: HookSpec): Promise<Hook>;
}

/** What the parts of the engine share. */
export interface EngineContext {
  readonly clock: Clock;
  readonly random: Random;
  readonly crash: Crash;
  readonly log: Log;
  readonly store: Store;
  readonly instrument: Instrument;
  readonly http: Http;
  readonly sockets: Sockets;
  readonly calendar: Calendar;
  readonly installId: string;
  world(): World;
  /** Alert episodes that fire, as last committed. */
  firing(): readonly AlertRow[];
  /** One episode, firing or over, as last heard; undefined: not known any more. */
  alert(receiver: string, episode: string): AlertRow | undefined;
  /** Makes a group due at once; the event only wakes, the cycle looks at the world. */
  wake(group: string): void;
  /** The fence: may this process start a mutating call for the group now? Asked before the intent and, because a commit takes time, again before the call. */
  mayStart(runner: GroupRunner): boolean;
  /** Deletions of the whole installation inside the window, and machines alive: for the fleet-wide budget. Null: some groups are not read yet. */
  fleet(windowMs: number): { readonly destroyed: number; readonly living: number } | null;
}

/** What lets a group act. A group that observes, is paused, frozen or unmanaged has none: it cannot act, by construction. */
export interface Hands {
  readonly cloud: CloudHands;
  readonly balancers: ReadonlyMap<string, BalancerHands>;
  openHook(spec: HookSpec): Promise<Hook>;
}

export function handsOf(ctx: EngineContext, runner: GroupRunner): Hands | null {
  const { row } = runner.state;
  const now = ctx.clock.wall();
  const paused = row.pause !== null && (row.pause.untilMs === null || row.pause.untilMs > now);
  if (runner.lost || row.frozen !== null || !row.managed || paused || row.spec.mode === 'observe') return null;
  const world = ctx.world();
  const cloud = world.clouds.get(row.spec.cloud);
  if (!cloud) return null;
  return { cloud: cloud.hands, balancers: handsOnly(world), openHook: (spec) => world.openHook(spec) };
}

const handsCache = new WeakMap<World, ReadonlyMap<string, BalancerHands>>();
function handsOnly(world: World): ReadonlyMap<string, BalancerHands> {
  let hands = handsCache.get(world);
  if (!hands) {
    hands = new Map([...world.balancers].map(([name, b]) => [name, b.hands]));
    handsCache.set(world, hands);
  }
  return hands;
}

/** Where a member is reached: the binding's port, or the one the cloud gave the machine. */
export function memberPort(spec: GroupSpec, balancer: string, machinePort: number | null): number | null {
  return spec.balancers.find((b) => b.balancer === balancer)?.port ?? machinePort;
}
