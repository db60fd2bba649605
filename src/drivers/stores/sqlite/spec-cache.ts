import type { GroupSpec } from '../../../core/model/group.ts';

/** A spec is immutable under its key, so it is parsed once. Beyond the limit the oldest goes; it can be parsed again. */
export class SpecCache {
  readonly #limit: number;
  readonly #specs = new Map<string, GroupSpec>();
  constructor(limit: number) {
    this.#limit = limit;
  }
  get(key: string, text: string): GroupSpec {
    const known = this.#specs.get(key);
    if (known) return known;
    const spec = freezeDeep(JSON.parse(text) as GroupSpec);
    if (this.#specs.size >= this.#limit) {
      const oldest = this.#specs.keys().next();
      if (!oldest.done) this.#specs.delete(oldest.value);
    }
    this.#specs.set(key, spec);
    return spec;
  }
}

/** One object is handed to many readers: none may change it for the others. */
function freezeDeep<T>(value: T): T {
  if (value !== null && typeof value === 'object') {
    for (const item of Object.values(value)) freezeDeep(item);
    Object.freeze(value);
  }
  return value;
}
