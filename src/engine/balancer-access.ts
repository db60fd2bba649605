import {
  asDriverError,
  type Balancer,
  type BalancerAbilities,
  type BalancerReader,
  type Clock,
  type ListResult,
  type Member,
  type MemberRequest,
  type Need,
  type Place,
} from '../ports/ports.ts';
import { withDeadline } from './deadline.ts';
import type { Instrument } from './instrument.ts';
import { PREFLIGHT_MS, Preflights } from './preflights.ts';

/** Members of one balancer as last read, by ref. */
export interface BalancerFacts {
  readonly complete: boolean;
  /** When the balancer was asked, monotonic ms. */
  readonly asOfMono: number;
  readonly byRef: ReadonlyMap<string, Member>;
  readonly byAddress: ReadonlyMap<string, Member>;
}

async function measured<T>(
  name: string,
  clock: Clock,
  instrument: Instrument,
  op: string,
  limitMs: number,
  run: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const started = clock.mono();
  try {
    const result = await withDeadline(clock, limitMs, `${name} ${op}`, run);
    instrument.balancerCall(name, op, 'ok', clock.mono() - started);
    return result;
  } catch (e) {
    const error = asDriverError(e);
    instrument.balancerCall(name, op, error.code, clock.mono() - started);
    throw error;
  }
}

export class BalancerView {
  readonly name: string;
  readonly can: BalancerAbilities;
  readonly #clock: Clock;
  readonly #instrument: Instrument;
  readonly #reader: BalancerReader;
  #facts: BalancerFacts | null = null;
  #reading: Promise<BalancerFacts> | null = null;
  #readMono = Number.NEGATIVE_INFINITY;
  #place: Promise<Place | null> | null = null;
  /** Whether its credentials allow what is needed; null: it cannot be asked. */
  readonly preflights: Preflights | null;
  /** Its members must be at one place. */
  readonly places: boolean;

  constructor(name: string, reader: BalancerReader, can: BalancerAbilities, clock: Clock, instrument: Instrument) {
    this.name = name;
    this.can = can;
    this.#clock = clock;
    this.#instrument = instrument;
    this.#reader = reader;
    this.places = reader.place !== undefined;
    this.preflights =
      reader.preflight === undefined
        ? null
        : new Preflights((need: Need) => measured(name, clock, instrument, 'preflight', PREFLIGHT_MS, async (signal) => reader.preflight?.(need, signal)));
  }

  /** Where its members must be, asked once; null: anywhere. Throws DriverError, and is asked again then. */
  place(): Promise<Place | null> {
    this.#place ??= measured(
      this.name,
      this.#clock,
      this.#instrument,
      'place',
      PREFLIGHT_MS,
      async (signal) => (await this.#reader.place?.(signal)) ?? null,
    ).catch((e: unknown) => {
      this.#place = null;
      throw e;
    });
    return this.#place;
  }

  /** Members as read at most `maxAgeMs` ago; concurrent askers share one call. Throws DriverError. */
  async members(maxAgeMs: number): Promise<BalancerFacts> {
    if (this.#facts && this.#clock.mono() - this.#readMono <= maxAgeMs) return this.#facts;
    this.#reading ??= this.#read().finally(() => {
      this.#reading = null;
    });
    return this.#reading;
  }

  async #read(): Promise<BalancerFacts> {
    const [started, startedMs] = [this.#clock.mono(), this.#clock.wall()];
    const list = await measured(this.name, this.#clock, this.#instrument, 'members', 10_000, (signal) => this.#reader.members(signal));
    this.#facts = new ReadMembers(list, started - Math.max(0, startedMs - list.asOfMs));
    this.#readMono = started;
    return this.#facts;
  }
}

class ReadMembers implements BalancerFacts {
  readonly complete: boolean;
  readonly asOfMono: number;
  readonly byRef = new Map<string, Member>();
  #byAddress: Map<string, Member> | null = null;

  constructor(list: ListResult<Member>, asOfMono: number) {
    this.complete = list.complete;
    this.asOfMono = asOfMono;
    for (const m of list.items) this.byRef.set(m.ref, m);
  }

  /** Made when first asked for: only leaving machines are looked up by address. */
  get byAddress(): ReadonlyMap<string, Member> {
    if (this.#byAddress === null) {
      this.#byAddress = new Map();
      for (const m of this.byRef.values()) this.#byAddress.set(`${m.address}:${m.port}`, m);
    }
    return this.#byAddress;
  }
}

/** The acting half: a group in observe mode never holds one. */
export class BalancerHands {
  readonly #name: string;
  readonly #balancer: Balancer;
  readonly #can: BalancerAbilities;
  readonly #clock: Clock;
  readonly #instrument: Instrument;

  constructor(name: string, balancer: Balancer, can: BalancerAbilities, clock: Clock, instrument: Instrument) {
    this.#name = name;
    this.#balancer = balancer;
    this.#can = can;
    this.#clock = clock;
    this.#instrument = instrument;
  }

  attach(member: MemberRequest): Promise<string> {
    return this.#call('attach', (signal) => this.#balancer.attach(member, signal));
  }
  drain(ref: string): Promise<void> {
    return this.#call('drain', (signal) => this.#balancer.drain(ref, signal));
  }
  detach(ref: string): Promise<void> {
    return this.#call('detach', (signal) => this.#balancer.detach(ref, signal));
  }

  #call<T>(op: string, run: (signal: AbortSignal) => Promise<T>): Promise<T> {
    return measured(this.#name, this.#clock, this.#instrument, op, this.#can.callLimitMs, run);
  }
}

export function openBalancer(
  name: string,
  balancer: Balancer,
  can: BalancerAbilities,
  clock: Clock,
  instrument: Instrument,
): { view: BalancerView; hands: BalancerHands } {
  return { view: new BalancerView(name, balancer, can, clock, instrument), hands: new BalancerHands(name, balancer, can, clock, instrument) };
}
