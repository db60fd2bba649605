/** Finds the route of a request. Patterns as in `/linode/instances/{id}`. */

export interface Found<T> {
  readonly value: T;
  /** The pattern, for ledgers and limits. */
  readonly pattern: string;
  readonly params: Readonly<Record<string, string>>;
}

interface Entry<T> {
  readonly pattern: string;
  readonly regex: RegExp;
  readonly names: readonly string[];
  readonly byMethod: Map<string, T>;
}

export class Router<T> {
  readonly #entries: Entry<T>[] = [];

  add(method: string, pattern: string, value: T): void {
    const present = this.#entries.find((each) => each.pattern === pattern);
    const entry = present ?? compile<T>(pattern);
    if (entry.byMethod.has(method)) throw new Error(`${method} ${pattern} is there twice`);
    entry.byMethod.set(method, value);
    if (present === undefined) this.#entries.push(entry);
  }

  /** The route; or the methods that the path has instead; or null: no such path. Text in the pattern wins over a parameter. */
  find(method: string, path: string): Found<T> | readonly string[] | null {
    const matches = this.#entries.flatMap((entry) => {
      const match = entry.regex.exec(path);
      return match === null ? [] : [{ entry, match }];
    });
    matches.sort((a, b) => a.entry.names.length - b.entry.names.length);
    for (const { entry, match } of matches) {
      const value = entry.byMethod.get(method);
      if (value === undefined) continue;
      const params = Object.fromEntries(entry.names.map((name, at) => [name, decode(match[at + 1] ?? '')]));
      return { value, pattern: entry.pattern, params };
    }
    return matches.length === 0 ? null : [...new Set(matches.flatMap(({ entry }) => [...entry.byMethod.keys()]))];
  }

  /** `GET /a/{id}` for each route. */
  list(): string[] {
    return this.#entries.flatMap((entry) => [...entry.byMethod.keys()].map((method) => `${method} ${entry.pattern}`));
  }
}

function compile<T>(pattern: string): Entry<T> {
  const names: string[] = [];
  const source = pattern
    .split('/')
    .map((part) => {
      const name = /^\{(\w+)\}$/.exec(part)?.[1];
      if (name === undefined) return part.replace(/[^\w-]/g, '\\$&');
      names.push(name);
      return '([^/]+)';
    })
    .join('/');
  return { pattern, regex: new RegExp(`^${source}/?$`), names, byMethod: new Map() };
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
