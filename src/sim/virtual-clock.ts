import type { Clock, Random } from '../ports/ports.ts';

interface Timer {
  readonly at: number;
  /** Timers of one moment fire in this order: drawn, so that a run of another seed has another, or the order of asking. */
  readonly order: number;
  readonly seq: number;
  run: (() => void) | null;
}

/**
 * Time that stands still until told to move. Timers fire in order of time, then of asking; between two of them every
 * promise that can settle does, so a run is a function of its inputs.
 */
export class VirtualClock implements Clock {
  #mono = 0;
  #wallOffset: number;
  #seq = 0;
  readonly #timers: Timer[] = [];
  readonly #drain: () => Promise<void>;
  readonly #ties: Random | null;

  /** `startMs`: wall time at the start, Unix ms. `drain`: lets all settled promises run; resolves when none is left. `ties` draws the order of timers of one moment. */
  constructor(startMs: number, drain: () => Promise<void>, ties: Random | null = null) {
    this.#wallOffset = startMs;
    this.#drain = drain;
    this.#ties = ties;
  }

  wall(): number {
    return this.#wallOffset + this.#mono;
  }
  mono(): number {
    return this.#mono;
  }
  /** Wall time jumps; monotonic time does not. */
  jumpWall(ms: number): void {
    this.#wallOffset += ms;
  }

  after(ms: number, run: () => void): () => void {
    const timer: Timer = { at: this.#mono + Math.max(0, ms), order: this.#ties?.u32() ?? 0, seq: this.#seq++, run };
    let i = this.#timers.length;
    this.#timers.push(timer);
    while (i > 0) {
      const up = (i - 1) >> 1;
      const parent = this.#timers[up] as Timer;
      if (!sooner(timer, parent)) break;
      this.#timers[i] = parent;
      i = up;
    }
    this.#timers[i] = timer;
    return () => {
      timer.run = null;
    };
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      const stop = (): void => {
        cancel();
        reject(signal?.reason);
      };
      const cancel = this.after(ms, () => {
        signal?.removeEventListener('abort', stop);
        resolve();
      });
      signal?.addEventListener('abort', stop, { once: true });
    });
  }

  /** Moves time on by `ms`, firing what falls due. */
  async advance(ms: number): Promise<void> {
    const end = this.#mono + ms;
    await this.#drain();
    for (let head = this.#timers[0]; head && head.at <= end; head = this.#timers[0]) {
      this.#pop();
      if (!head.run) continue;
      this.#mono = Math.max(this.#mono, head.at);
      head.run();
      await this.#drain();
    }
    this.#mono = end;
  }

  /**
   * The same inside one turn of the event loop: `drain` must run every settled promise before it returns. `go` is asked after each
   * timer; false ends it there.
   */
  runTo(endMono: number, drain: () => void, go: () => boolean): void {
    drain();
    for (let head = this.#timers[0]; head && head.at <= endMono; head = this.#timers[0]) {
      this.#pop();
      if (!head.run) continue;
      this.#mono = Math.max(this.#mono, head.at);
      head.run();
      drain();
      if (!go()) return;
    }
    this.#mono = Math.max(this.#mono, endMono);
  }

  #pop(): void {
    const heap = this.#timers;
    const last = heap.pop() as Timer;
    if (heap.length === 0) return;
    let i = 0;
    for (;;) {
      let child = 2 * i + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && sooner(heap[child + 1] as Timer, heap[child] as Timer)) child++;
      if (!sooner(heap[child] as Timer, last)) break;
      heap[i] = heap[child] as Timer;
      i = child;
    }
    heap[i] = last;
  }
}

function sooner(a: Timer, b: Timer): boolean {
  if (a.at !== b.at) return a.at < b.at;
  return a.order < b.order || (a.order === b.order && a.seq < b.seq);
}
