/** Numbers that go up, one row for each kind of thing. */
export class Ids {
  readonly #last = new Map<string, number>();

  next(kind: string, first: number): number {
    const id = (this.#last.get(kind) ?? first - 1) + 1;
    this.#last.set(kind, id);
    return id;
  }
}
