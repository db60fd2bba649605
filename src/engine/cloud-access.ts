import type { Json } from '../core/model/model.ts';
import {
  asDriverError,
  type Clock,
  type Cloud,
  type CloudAbilities,
  type CloudReader,
  type CreateRequest,
  type DiscoveryTarget,
  DriverError,
  type ListResult,
  type Machine,
  type Need,
  type Place,
} from '../ports/ports.ts';
import { withDeadline } from './deadline.ts';
import type { Instrument } from './instrument.ts';
import { PREFLIGHT_MS, Preflights } from './preflights.ts';
import { Slots } from './serial.ts';

/** Longest time to read every machine of an account, ms. */
const TARGETS_MS = 30_000;

/** Machines for service discovery as last read. */
export interface CloudTargets {
  readonly targets: readonly DiscoveryTarget[];
  /** When the cloud was asked, monotonic ms. */
  readonly asOfMono: number;
}

/** One list of a cloud, indexed once and shared by all groups of that cloud. */
export interface CloudFacts {
  readonly complete: boolean;
  /** When the cloud was asked, monotonic ms: what it says of later than that is nothing. */
  readonly asOfMono: number;
  /** Counts complete lists: evidence needs several different ones. */
  readonly serial: number;
  readonly byId: ReadonlyMap<string, Machine>;
  readonly byGroup: ReadonlyMap<string, readonly Machine[]>;
  readonly foreign: readonly Machine[];
}

/** Every call to one cloud goes through its gate: deadline, obeyed Retry-After, instrument. */
class Gate {
  readonly name: string;
  readonly clock: Clock;
  readonly #instrument: Instrument;
  /** The cloud asked us to wait until, monotonic ms. */
  #quietUntilMono = Number.NEGATIVE_INFINITY;

  constructor(name: string, clock: Clock, instrument: Instrument) {
    this.name = name;
    this.clock = clock;
    this.#instrument = instrument;
  }

  async call<T>(op: string, limitMs: number, run: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const wait = this.#quietUntilMono - this.clock.mono();
    if (wait > 0) throw new DriverError('throttled', `${this.name} asked us to wait`, { retryAfterMs: Math.ceil(wait) });
    const started = this.clock.mono();
    try {
      const result = await withDeadline(this.clock, limitMs, `${this.name} ${op}`, run);
      this.#instrument.cloudCall(this.name, op, 'ok', this.clock.mono() - started);
      return result;
    } catch (e) {
      const error = asDriverError(e);
      if (error.code === 'throttled') {
        // Of several answers the longest wait counts: they may come in any order.
        this.#quietUntilMono = Math.max(this.#quietUntilMono, this.clock.mono() + Math.min(error.retryAfterMs ?? 5_000, 600_000));
      }
      this.#instrument.cloudCall(this.name, op, error.code, this.clock.mono() - started);
      throw error;
    }
  }
}

/** The reading half of a configured cloud: all that a group in observe mode has. */
export class CloudView {
  readonly name: string;
  readonly can: CloudAbilities;
  readonly #gate: Gate;
  readonly #reader: CloudReader;
  readonly #installId: string;
  #facts: CloudFacts | null = null;
  #listing: Promise<CloudFacts> | null = null;
  #listedMono = Number.NEGATIVE_INFINITY;
  #serial = 0;
  #targets: CloudTargets | null = null;
  #targeting: Promise<CloudTargets> | null = null;
  /** After a failure it is not asked again until then, monotonic ms. */
  #targetsFailed: { readonly error: unknown; readonly quietUntilMono: number } | null = null;
  /** Whether its credentials allow what is needed; null: it cannot be asked. */
  readonly preflights: Preflights | null;
  /** It can say where its machines are. */
  readonly places: boolean;

  constructor(gate: Gate, reader: CloudReader, can: CloudAbilities, installId: string) {
    this.name = gate.name;
    this.can = can;
    this.#gate = gate;
    this.#reader = reader;
    this.#installId = installId;
    this.places = reader.place !== undefined;
    this.preflights =
      reader.preflight === undefined
        ? null
        : new Preflights((need: Need) => gate.call('preflight', PREFLIGHT_MS, async (signal) => reader.preflight?.(need, signal)));
  }

  /** Where a machine of this template would be; null: that cannot be said. */
  place(template: Json): Place | null {
    return this.#reader.place?.(template) ?? null;
  }

  /** A list at most `maxAgeMs` old; concurrent askers share one call. Throws DriverError. */
  async list(maxAgeMs: number): Promise<CloudFacts> {
    if (this.#facts && this.#gate.clock.mono() - this.#listedMono <= maxAgeMs) return this.#facts;
    this.#listing ??= this.#list().finally(() => {
      this.#listing = null;
    });
    return this.#listing;
  }

  async #list(): Promise<CloudFacts> {
    const { clock } = this.#gate;
    const [started, startedMs] = [clock.mono(), clock.wall()];
    const result = await this.#gate.call('list', 30_000, (signal) => this.#reader.list(signal));
    const asOfMono = started - Math.max(0, startedMs - result.asOfMs);
    this.#facts = index(result, this.#installId, result.complete ? ++this.#serial : this.#serial, asOfMono);
    this.#listedMono = started;
    return this.#facts;
  }

  /**
   * Every machine its credentials see, as read at most `maxAgeMs` ago; while the cloud does not answer the last ones, however old.
   * Null: this cloud has none to tell. Throws DriverError when there never was an answer.
   */
  async targets(maxAgeMs: number): Promise<CloudTargets | null> {
    if (this.#reader.targets === undefined) return null;
    const known = this.#targets;
    const failed = this.#targetsFailed;
    const now = this.#gate.clock.mono();
    if (known !== null && now - known.asOfMono <= maxAgeMs) return known;
    if (failed !== null && now < failed.quietUntilMono) return orThrow(known, failed.error);
    this.#targeting ??= this.#readTargets().finally(() => {
      this.#targeting = null;
    });
    try {
      return await this.#targeting;
    } catch (e) {
      this.#targetsFailed = { error: e, quietUntilMono: this.#gate.clock.mono() + maxAgeMs };
      return orThrow(this.#targets, e);
    }
  }

  async #readTargets(): Promise<CloudTargets> {
    const asOfMono = this.#gate.clock.mono();
    const targets = await this.#gate.call('targets', TARGETS_MS, async (signal) => (await this.#reader.targets?.(signal)) ?? []);
    this.#targets = { targets, asOfMono };
    this.#targetsFailed = null;
    return this.#targets;
  }

  get(id: string): Promise<Machine | null> {
    return this.#gate.call('get', 30_000, (signal) => this.#reader.get(id, signal));
  }
}

function orThrow(known: CloudTargets | null, error: unknown): CloudTargets {
  if (known === null) throw error as Error;
  return known;
}

/** The acting half. Only create (steps) and delete (reaper) hold one; a group in observe mode never does. */
export class CloudHands {
  readonly #gate: Gate;
  readonly #cloud: Cloud;
  readonly #can: CloudAbilities;
  readonly #slots: Slots;

  constructor(gate: Gate, cloud: Cloud, can: CloudAbilities) {
    this.#gate = gate;
    this.#cloud = cloud;
    this.#can = can;
    this.#slots = new Slots(can.concurrency);
  }

  /** Waits for one of the cloud's places, then runs the whole of intent, call and result. */
  inSlot<T>(job: () => Promise<T>): Promise<T> {
    return this.#slots.run(job);
  }

  create(request: Omit<CreateRequest, 'signal'>): Promise<Machine> {
    return this.#gate.call('create', this.#can.callLimitMs, (signal) => this.#cloud.create({ ...request, signal }));
  }

  delete(id: string): Promise<void> {
    return this.#gate.call('delete', this.#can.callLimitMs, (signal) => this.#cloud.delete(id, signal));
  }
}

export function openCloud(
  name: string,
  cloud: Cloud,
  can: CloudAbilities,
  clock: Clock,
  instrument: Instrument,
  installId: string,
): { view: CloudView; hands: CloudHands } {
  const gate = new Gate(name, clock, instrument);
  return { view: new CloudView(gate, cloud, can, installId), hands: new CloudHands(gate, cloud, can) };
}

function index(list: ListResult<Machine>, installId: string, serial: number, asOfMono: number): CloudFacts {
  const byId = new Map<string, Machine>();
  const byGroup = new Map<string, Machine[]>();
  const foreign: Machine[] = [];
  for (const m of list.items) {
    if (byId.has(m.id)) continue; // a page that came twice
    byId.set(m.id, m);
    if (m.owner?.install !== installId) foreign.push(m);
    else {
      const of = byGroup.get(m.owner.group);
      if (of) of.push(m);
      else byGroup.set(m.owner.group, [m]);
    }
  }
  return { complete: list.complete, asOfMono, serial, byId, byGroup, foreign };
}
