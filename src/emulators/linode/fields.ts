/** Reads the fields of a body and collects every complaint, as the API answers several at once. Fields it does not know are ignored, as there. */
import { type Reason, Refused } from './refused.ts';

export interface TextRule {
  readonly min?: number;
  readonly max?: number;
  readonly pattern?: RegExp;
  /** Said when the pattern does not match. */
  readonly why?: string;
  readonly oneOf?: readonly string[];
}

export class Fields {
  readonly reasons: Reason[];
  readonly #body: Readonly<Record<string, unknown>>;
  readonly #prefix: string;

  constructor(body: unknown, prefix = '', reasons: Reason[] = []) {
    this.reasons = reasons;
    this.#prefix = prefix;
    const isObject = typeof body === 'object' && body !== null && !Array.isArray(body);
    this.#body = isObject ? (body as Record<string, unknown>) : {};
    if (!isObject) reasons.push({ reason: 'Must be an object', ...(prefix === '' ? {} : { field: prefix.replace(/\.$/, '') }) });
  }

  has(name: string): boolean {
    return this.#body[name] !== undefined && this.#body[name] !== null;
  }

  raw(name: string): unknown {
    return this.#body[name];
  }

  fail(name: string, reason: string): void {
    this.reasons.push({ reason, field: `${this.#prefix}${name}` });
  }

  /** Throws when there were complaints. */
  done(): void {
    if (this.reasons.length > 0) throw new Refused(400, this.reasons);
  }

  require(...names: string[]): void {
    for (const name of names) if (!this.has(name)) this.fail(name, `${name} is required`);
  }

  text(name: string, rule: TextRule = {}): string | undefined {
    const value = this.#body[name];
    if (value === undefined || value === null) return undefined;
    if (typeof value !== 'string') return this.#bad(name, 'Must be a string');
    const { min = 0, max = 65_535, pattern, why, oneOf } = rule;
    if (oneOf !== undefined && !oneOf.includes(value)) return this.#bad(name, `Must be one of ${oneOf.join(', ')}`);
    if (value.length < min || value.length > max) return this.#bad(name, `Length must be ${min}-${max} characters`);
    if (pattern !== undefined && !pattern.test(value)) return this.#bad(name, why ?? `${name} is not valid`);
    return value;
  }

  whole(name: string, min = 0, max = Number.MAX_SAFE_INTEGER): number | undefined {
    const value = this.#body[name];
    if (value === undefined || value === null) return undefined;
    if (!Number.isInteger(value)) return this.#bad(name, 'Must be an integer');
    if ((value as number) < min || (value as number) > max) return this.#bad(name, `Must be between ${min} and ${max}`);
    return value as number;
  }

  flag(name: string): boolean | undefined {
    const value = this.#body[name];
    if (value === undefined || value === null) return undefined;
    return typeof value === 'boolean' ? value : this.#bad(name, 'Must be a boolean');
  }

  texts(name: string, max = 500): string[] | undefined {
    const value = this.#body[name];
    if (value === undefined || value === null) return undefined;
    if (!Array.isArray(value) || !value.every((each) => typeof each === 'string')) return this.#bad(name, 'Must be a list of strings');
    return value.length > max ? this.#bad(name, `Must have at most ${max} items`) : value;
  }

  wholes(name: string): number[] | undefined {
    const value = this.#body[name];
    if (value === undefined || value === null) return undefined;
    return Array.isArray(value) && value.every((each) => Number.isInteger(each)) ? value : this.#bad(name, 'Must be a list of integers');
  }

  object(name: string): Fields | undefined {
    return this.has(name) ? new Fields(this.#body[name], `${this.#prefix}${name}.`, this.reasons) : undefined;
  }

  objects(name: string, max = 500): Fields[] | undefined {
    const value = this.#body[name];
    if (value === undefined || value === null) return undefined;
    if (!Array.isArray(value)) return this.#bad(name, 'Must be a list');
    if (value.length > max) return this.#bad(name, `Must have at most ${max} items`);
    return value.map((each, at) => new Fields(each, `${this.#prefix}${name}[${at}].`, this.reasons));
  }

  #bad(name: string, reason: string): undefined {
    this.fail(name, reason);
  }
}

/** Tags of the field `tags`, each 3 to 50 characters, repeats removed. */
export function readTags(fields: Fields): string[] | undefined {
  const tags = fields.texts('tags');
  const bad = tags?.find((tag) => tag.length < 3 || tag.length > 50);
  if (bad !== undefined) fields.fail('tags', 'Length must be 3-50 characters');
  return tags === undefined ? undefined : [...new Set(tags)];
}
