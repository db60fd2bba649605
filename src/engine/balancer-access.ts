import { asDriverError, type Balancer, type BalancerAbilities, type BalancerReader, type Clock, type Member, type MemberRequest } from '../ports/ports.ts';
import { withDeadline } from './deadline.ts';
import type { Instrument } from './instrument.ts';

/** Members of one balancer as last read, by ref. */
export interface BalancerFacts {
  readonly complete: boolean;
  readonly asOfMs: number;
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

  constructor(name: string, reader: BalancerReader, can: BalancerAbilities, clock: Clock, instrument: Instrument) {
    this.name = name;
    this.can = can;
    this.#clock = clock;
    this.#instrument = instrument;
    this.#reader = reader;
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
    const started = this.#clock.mono();
    const list = await measured(this.name, this.#clock, this.#instrument, 'members', 10_000, (signal) => this.#reader.members(signal));
    this.#facts = {
      complete: list.complete,
      asOfMs: list.asOfMs,
      byRef: new Map(list.items.map((m) => [m.ref, m])),
      byAddress: new Map(list.items.map((m) => [`${m.address}:${m.port}`, m])),
    };
    this.#readMono = started;
    return this.#facts;
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
