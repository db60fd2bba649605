/** Runs jobs one after the other, in the order asked. A failed job fails its caller and not the next job. */
export class Serial {
  #tail: Promise<unknown> = Promise.resolve();

  run<T>(job: () => Promise<T>): Promise<T> {
    const done = this.#tail.then(job);
    this.#tail = done.catch(() => {});
    return done;
  }
}

/** Lets at most `size` jobs run at once; the others wait in line. */
export class Slots {
  readonly #size: number;
  #used = 0;
  readonly #line: (() => void)[] = [];

  constructor(size: number) {
    this.#size = Math.max(1, size);
  }

  async run<T>(job: () => Promise<T>): Promise<T> {
    if (this.#used >= this.#size) await new Promise<void>((go) => this.#line.push(go));
    else this.#used++;
    try {
      return await job();
    } finally {
      const next = this.#line.shift();
      if (next) next();
      else this.#used--;
    }
  }
}
