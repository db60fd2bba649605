/** Prices of the types, read once a day; public, so no token is sent. */
import type { LinodeApi } from '../../../kit/linode-api.ts';
import type { Clock } from '../../../ports/clock.ts';
import { asDriverError, type DriverError } from '../../../ports/errors.ts';
import type { Log } from '../../../ports/log.ts';
import { typesReply } from './replies.ts';

const REFRESH_MS = 86_400_000;
const RETRY_MS = 300_000;

interface TypePrice {
  readonly everywhere: number | null;
  readonly byRegion: ReadonlyMap<string, number>;
}

export class Prices {
  readonly #api: LinodeApi;
  readonly #clock: Clock;
  readonly #log: Log;
  #prices: ReadonlyMap<string, TypePrice> = new Map();
  #nextMono = Number.NEGATIVE_INFINITY;
  #reading: Promise<void> | null = null;

  constructor(api: LinodeApi, clock: Clock, log: Log) {
    this.#api = api;
    this.#clock = clock;
    this.#log = log;
  }

  /** Reads them when it is time. Never throws: a machine without a price is one whose price is not known. */
  async ready(signal: AbortSignal): Promise<void> {
    if (this.#clock.mono() < this.#nextMono) return;
    this.#reading ??= this.#read(signal).finally(() => {
      this.#reading = null;
    });
    await this.#reading;
  }

  /** Per hour; null where it is not known. */
  of(type: string | null | undefined, region: string): number | null {
    const found = this.#prices.get(type ?? '');
    return found?.byRegion.get(region) ?? found?.everywhere ?? null;
  }

  async #read(signal: AbortSignal): Promise<void> {
    try {
      const { body } = await this.#api.call('GET', '/linode/types?page_size=500', { schema: typesReply, signal, isPublic: true, kind: 'list' });
      this.#prices = new Map(
        body.data.map((type) => [
          type.id,
          {
            everywhere: type.price?.hourly ?? null,
            byRegion: new Map((type.region_prices ?? []).flatMap(({ id, hourly }) => (typeof hourly === 'number' ? [[id, hourly] as const] : []))),
          },
        ]),
      );
      this.#nextMono = this.#clock.mono() + REFRESH_MS;
    } catch (e) {
      const error: DriverError = asDriverError(e);
      this.#nextMono = this.#clock.mono() + (signal.aborted ? 0 : RETRY_MS);
      this.#log.warn({ code: error.code, error: error.message }, 'the prices of Linode could not be read; the last ones stay');
    }
  }
}
