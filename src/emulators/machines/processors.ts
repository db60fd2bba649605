/**
 * Virtual processors: work is accounted, not burned. Every request and every load put on is a thread; threads share the processors evenly,
 * as under a fair scheduler, and none runs on two processors at once.
 */

export interface ProcessorsOptions {
  /** 1 to 1000. */
  readonly count: number;
  /** Processor time of one request, ms. */
  readonly workMs: number;
  /** A request that would take longer than this is refused, ms. */
  readonly maxWaitMs: number;
  /** Monotonic ms. */
  readonly nowMs: () => number;
}

interface Waiting {
  /** Work that a thread present from the beginning will have got when this one is finished, ms. */
  readonly doneAtWorkMs: number;
  readonly resolve: (served: boolean) => void;
}

export class Processors {
  readonly #options: ProcessorsOptions;
  readonly #startMs: number;
  /** All requests are equally long, so the first to come is the first to finish. */
  readonly #queue: Waiting[] = [];
  readonly #busyMs: number[];
  /** Work that every thread got since the start, ms. */
  #workMs = 0;
  #lastMs: number;
  #load = 0;
  #timer: NodeJS.Timeout | null = null;

  constructor(options: ProcessorsOptions) {
    this.#options = options;
    this.#startMs = options.nowMs();
    this.#lastMs = this.#startMs;
    this.#busyMs = Array.from({ length: options.count }, () => 0);
  }

  get count(): number {
    return this.#options.count;
  }
  get requests(): number {
    return this.#queue.length;
  }
  /** Threads that want to run: requests and load. */
  get threads(): number {
    return this.#queue.length + this.#load;
  }

  /** Resolves when the work of one request is done; false at once when it would take too long, or when they stop. */
  async serve(): Promise<boolean> {
    this.#account();
    const { count, workMs, maxWaitMs } = this.#options;
    if (workMs * Math.max(1, (this.threads + 1) / count) > maxWaitMs) return false;
    return await new Promise<boolean>((resolve) => {
      this.#queue.push({ doneAtWorkMs: this.#workMs + workMs, resolve });
      this.#schedule();
    });
  }

  /** Keeps this many processors busy beside the requests, 0 to their count. */
  setLoad(cpus: number): void {
    this.#account();
    this.#load = Math.min(Math.max(cpus, 0), this.#options.count);
    this.#schedule();
  }

  /** Since the start, ms: each processor's busy time, and the time that went by. */
  usage(): { readonly busyMs: readonly number[]; readonly upMs: number } {
    this.#account();
    return { busyMs: [...this.#busyMs], upMs: this.#lastMs - this.#startMs };
  }

  /** What is under way is refused. */
  stop(): void {
    if (this.#timer) clearTimeout(this.#timer);
    for (const { resolve } of this.#queue.splice(0)) resolve(false);
  }

  /** Work per ms that each thread gets. */
  #speed(): number {
    return Math.min(1, this.#options.count / this.threads);
  }

  #account(): void {
    const nowMs = this.#options.nowMs();
    let leftMs = Math.max(0, nowMs - this.#lastMs);
    this.#lastMs = Math.max(nowMs, this.#lastMs);
    // From one finished request to the next: on a busy computer the timer comes late, and what is finished takes no more time.
    while (leftMs > 0) {
      const first = this.#queue[0];
      const stepMs = first === undefined ? leftMs : Math.min(leftMs, Math.max(0, (first.doneAtWorkMs - this.#workMs) / this.#speed()));
      this.#spend(stepMs);
      leftMs -= stepMs;
      this.#finish();
    }
    this.#finish();
  }

  #spend(passedMs: number): void {
    const { count } = this.#options;
    // Load stays on its processors, as `stress` does; requests spread over what is free.
    const free = count - this.#load;
    const share = free <= 0 ? 1 : Math.min(1, this.#queue.length / free);
    for (let i = 0; i < count; i++) {
      const loaded = Math.min(Math.max(this.#load - i, 0), 1);
      this.#busyMs[i] = (this.#busyMs[i] ?? 0) + passedMs * (loaded + (1 - loaded) * share);
    }
    this.#workMs += passedMs * this.#speed();
  }

  #finish(): void {
    // A timer may come a fraction of a millisecond early.
    while (this.#queue[0] !== undefined && this.#queue[0].doneAtWorkMs <= this.#workMs + 0.5) this.#queue.shift()?.resolve(true);
  }

  #schedule(): void {
    if (this.#timer) clearTimeout(this.#timer);
    this.#timer = null;
    const first = this.#queue[0];
    if (first === undefined) return;
    this.#timer = setTimeout(
      () => {
        this.#account();
        this.#schedule();
      },
      Math.max(1, (first.doneAtWorkMs - this.#workMs) / this.#speed()),
    );
  }
}
