/** What a balancer counts: totals since it started, and rate and latency over the last whole seconds. */

/** Seconds looked back at; the second under way is not counted. */
const WINDOW_S = 5;
/** Buckets grow by 5 %, from 1 µs to more than ten minutes: a quantile is at most 5 % too high. */
const GROWTH = Math.log(1.05);
const BUCKETS = 420;

interface Second {
  index: number;
  requests: number;
  readonly latencies: Int32Array;
}

export interface FigureSnapshot {
  /** Requests received since start. */
  readonly requests: number;
  /** Requests it could not get a whole answer for: refused with 502, 503 or 504, or cut in the middle. */
  readonly failed: number;
  /** Answers of 500 and above that came from members and were passed on. */
  readonly answers_5xx: number;
  /** Sent once more to another member. */
  readonly retried: number;
  /** Received per second over the last 1 to 5 whole seconds; null in the first second. */
  readonly request_rate: number | null;
  /** Of answered requests of these seconds, ms; null when there were none. */
  readonly latency_p50_ms: number | null;
  readonly latency_p99_ms: number | null;
}

export class Figures {
  readonly #nowMs: () => number;
  readonly #startMs: number;
  readonly #seconds: Second[] = Array.from({ length: WINDOW_S + 1 }, () => ({ index: -1, requests: 0, latencies: new Int32Array(BUCKETS) }));
  #requests = 0;
  #failed = 0;
  #answers5xx = 0;
  #retried = 0;

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
    this.#startMs = nowMs();
  }

  received(): void {
    this.#requests++;
    this.#second().requests++;
  }

  answered(status: number, latencyMs: number): void {
    if (status >= 500) this.#answers5xx++;
    const bucket = Math.ceil(Math.log(Math.max(1, latencyMs * 1000)) / GROWTH);
    const { latencies } = this.#second();
    const i = Math.min(BUCKETS - 1, bucket);
    latencies[i] = (latencies[i] ?? 0) + 1;
  }

  failed(): void {
    this.#failed++;
  }

  retried(): void {
    this.#retried++;
  }

  snapshot(): FigureSnapshot {
    const present = this.#index();
    const whole = Math.min(WINDOW_S, present);
    const window = this.#seconds.filter((s) => s.index >= present - whole && s.index < present);
    const latencies = new Int32Array(BUCKETS);
    for (const second of window) for (let i = 0; i < BUCKETS; i++) latencies[i] = (latencies[i] ?? 0) + (second.latencies[i] ?? 0);
    return {
      requests: this.#requests,
      failed: this.#failed,
      answers_5xx: this.#answers5xx,
      retried: this.#retried,
      request_rate: whole === 0 ? null : window.reduce((sum, s) => sum + s.requests, 0) / whole,
      latency_p50_ms: quantile(latencies, 0.5),
      latency_p99_ms: quantile(latencies, 0.99),
    };
  }

  /** Whole seconds since start. */
  #index(): number {
    return Math.floor((this.#nowMs() - this.#startMs) / 1000);
  }

  #second(): Second {
    const index = this.#index();
    const second = this.#seconds[index % this.#seconds.length] as Second;
    if (second.index !== index) {
      second.index = index;
      second.requests = 0;
      second.latencies.fill(0);
    }
    return second;
  }
}

/** Upper edge of the bucket that holds the quantile, ms. */
function quantile(buckets: Int32Array, q: number): number | null {
  const total = buckets.reduce((sum, n) => sum + n, 0);
  if (total === 0) return null;
  let left = Math.ceil(total * q);
  for (let i = 0; i < buckets.length; i++) {
    left -= buckets[i] ?? 0;
    if (left <= 0) return Math.round(Math.exp(i * GROWTH)) / 1000;
  }
  return null;
}
