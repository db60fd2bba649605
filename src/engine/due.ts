import type { Clock } from '../ports/ports.ts';

/**
 * When each key is due next, on one timer. Times are monotonic ms. A key has one entry: setting it earlier replaces it,
 * setting it later than what stands is ignored unless `force`.
 */
export class DueQueue {
  readonly #clock: Clock;
  readonly #onDue: (key: string, lateMs: number) => void;
  readonly #due = new Map<string, number>();
  #heap: { at: number; key: string }[] = [];
  #cancel: (() => void) | null = null;
  #timerAt = Number.POSITIVE_INFINITY;
  #closed = false;

  constructor(clock: Clock, onDue: (key: string, lateMs: number) => void) {
    this.#clock = clock;
    this.#onDue = onDue;
  }

  set(key: string, at: number): void {
    const now = this.#due.get(key);
    if (this.#closed || (now !== undefined && now <= at)) return;
    this.#due.set(key, at);
    push(this.#heap, { at, key });
    this.#arm();
  }

  /** When the key is due, monotonic ms; null: not at all. */
  get(key: string): number | null {
    return this.#due.get(key) ?? null;
  }

  delete(key: string): void {
    this.#due.delete(key);
  }

  close(): void {
    this.#closed = true;
    this.#due.clear();
    this.#heap = [];
    this.#cancel?.();
    this.#cancel = null;
  }

  #arm(): void {
    const head = this.#heap[0];
    if (!head || head.at >= this.#timerAt) return;
    this.#cancel?.();
    this.#timerAt = head.at;
    this.#cancel = this.#clock.after(Math.max(0, Math.ceil(head.at - this.#clock.mono())), () => this.#fire());
  }

  #fire(): void {
    this.#cancel = null;
    this.#timerAt = Number.POSITIVE_INFINITY;
    const now = this.#clock.mono();
    for (let head = this.#heap[0]; head && head.at <= now; head = this.#heap[0]) {
      pop(this.#heap);
      if (this.#due.get(head.key) !== head.at) continue; // replaced or deleted meanwhile
      this.#due.delete(head.key);
      this.#onDue(head.key, now - head.at);
    }
    this.#arm();
  }
}

type Entry = { at: number; key: string };
const before = (a: Entry, b: Entry): boolean => a.at < b.at || (a.at === b.at && a.key < b.key);

function push(heap: Entry[], entry: Entry): void {
  let i = heap.length;
  heap.push(entry);
  while (i > 0) {
    const up = (i - 1) >> 1;
    const parent = heap[up] as Entry;
    if (!before(entry, parent)) break;
    heap[i] = parent;
    i = up;
  }
  heap[i] = entry;
}

function pop(heap: Entry[]): void {
  const last = heap.pop() as Entry;
  if (heap.length === 0) return;
  let i = 0;
  for (;;) {
    let child = 2 * i + 1;
    if (child >= heap.length) break;
    if (child + 1 < heap.length && before(heap[child + 1] as Entry, heap[child] as Entry)) child++;
    if (!before(heap[child] as Entry, last)) break;
    heap[i] = heap[child] as Entry;
    i = child;
  }
  heap[i] = last;
}
