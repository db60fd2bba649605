/** Faults on demand, for the API of any vendor. What an answer looks like is the vendor's: see `FaultAnswer`. */
import { z } from 'zod';

/** Which calls it meets. */
const MATCH = {
  method: z.enum(['*', 'GET', 'POST', 'PUT', 'DELETE']).default('*').describe('Method it meets. Default: all.'),
  path: z
    .string()
    .max(200)
    .regex(/^(\*\*|\/[\w./*-]*)$/)
    .default('**')
    .describe('Path without the version, `*` for one part, `**` for any rest, e.g. `/linode/instances/*`. Default: all.'),
  contains: z
    .string()
    .min(1)
    .max(200)
    .nullable()
    .default(null)
    .describe('Text that the body of the call has, e.g. the label of a machine. Default: any body, or none.'),
  count: z.int().min(1).max(1_000_000).nullable().default(1).describe('Calls it meets before it is over, 1 to 1,000,000; null: until deleted. Default 1.'),
  skip: z.int().min(0).max(1_000_000).default(0).describe('Matching calls that pass first, 0 to 1,000,000. Default 0.'),
};

const ERROR = {
  status: z.int().min(400).max(599).default(500).describe('Status of the answer, 400 to 599. Default 500.'),
  body: z.enum(['json', 'html']).default('json').describe('`html`: as a proxy in front of the API answers. Default json.'),
  maintenance: z.boolean().default(false).describe('Says that it is maintenance, which must not be retried, in the way of the vendor. Default false.'),
};

const LIMIT_TEXT = z.string().min(1).max(500).nullable().default(null).describe('Text of the refusal. Default: the words of the vendor.');

export const faultSchema = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('throttle'),
    ...MATCH,
    retry_after_s: z.int().min(0).max(3600).nullable().default(1).describe('Retry-After, s, 0 to 3,600; null: without it. Default 1.'),
  }),
  z.strictObject({ kind: z.literal('error'), ...MATCH, ...ERROR }),
  z.strictObject({ kind: z.literal('error_after'), ...MATCH, ...ERROR }),
  z.strictObject({
    kind: z.literal('lost_answer'),
    ...MATCH,
    effect: z.boolean().default(true).describe('False: cut before anything happened. Default true.'),
  }),
  z.strictObject({ kind: z.literal('delay'), ...MATCH, ms: z.int().min(1).max(600_000).describe('Wait before the call is looked at, ms, 1 to 600,000.') }),
  z.strictObject({ kind: z.literal('stale'), ...MATCH, age_s: z.int().min(1).max(600).describe('Lists show what was there so long ago, s, 1 to 600.') }),
  z.strictObject({ kind: z.literal('unauthorized'), ...MATCH }),
  z.strictObject({ kind: z.literal('quota'), ...MATCH, text: LIMIT_TEXT }),
  z.strictObject({ kind: z.literal('no_capacity'), ...MATCH, text: LIMIT_TEXT }),
  z.strictObject({ kind: z.literal('busy'), ...MATCH }),
]);

export type FaultInput = z.input<typeof faultSchema>;
export type Fault = z.output<typeof faultSchema>;
/** A fault that stands for the answer. */
export type AnswerFault = Exclude<Fault, { kind: 'delay' | 'stale' | 'lost_answer' }>;

export interface FaultView {
  readonly id: number;
  readonly fault: Fault;
  /** Calls that met it. */
  readonly met: number;
}

/** What happens to one call. */
export interface Trouble {
  readonly delayMs: number;
  readonly staleMs: number;
  /** Answered so, with nothing done. */
  readonly before: AnswerFault | null;
  /** Answered so once it is done. */
  readonly after: AnswerFault | null;
  /** The connection is cut, before or after the effect. */
  readonly cut: 'before' | 'after' | null;
}

const MAX_FAULTS = 1000;

interface Entry {
  readonly id: number;
  readonly fault: Fault;
  readonly path: RegExp;
  passed: number;
  met: number;
}

export class FaultBook {
  readonly #entries: Entry[] = [];
  #lastId = 0;

  /** Throws RangeError when there are too many. */
  add(fault: Fault): FaultView {
    if (this.#entries.length >= MAX_FAULTS) throw new RangeError(`there are ${MAX_FAULTS} faults already`);
    const entry = { id: ++this.#lastId, fault, path: pathRegex(fault.path), passed: 0, met: 0 };
    this.#entries.push(entry);
    return viewOf(entry);
  }

  list(): FaultView[] {
    return this.#entries.map(viewOf);
  }

  remove(id: number): boolean {
    const at = this.#entries.findIndex((entry) => entry.id === id);
    if (at >= 0) this.#entries.splice(at, 1);
    return at >= 0;
  }

  clear(): void {
    this.#entries.length = 0;
  }

  /** What happens to this call, and counts it. Delays and stale lists go with any other fault; of the others only the first is met. */
  meet(method: string, path: string, isList: boolean, body = ''): Trouble {
    const trouble = { delayMs: 0, staleMs: 0, before: null as AnswerFault | null, after: null as AnswerFault | null, cut: null as Trouble['cut'] };
    for (const entry of [...this.#entries]) {
      const { fault } = entry;
      if ((fault.method !== '*' && fault.method !== method) || !entry.path.test(path)) continue;
      if (fault.kind === 'stale' && !isList) continue;
      if (fault.contains !== null && !body.includes(fault.contains)) continue;
      const answered = trouble.before !== null || trouble.after !== null || trouble.cut !== null;
      if (answered && fault.kind !== 'delay' && fault.kind !== 'stale') continue;
      if (entry.passed < fault.skip) {
        entry.passed++;
        continue;
      }
      if (fault.kind === 'delay') trouble.delayMs += fault.ms;
      else if (fault.kind === 'stale') trouble.staleMs = Math.max(trouble.staleMs, fault.age_s * 1000);
      else if (fault.kind === 'lost_answer') trouble.cut = fault.effect ? 'after' : 'before';
      else if (fault.kind === 'error_after') trouble.after = fault;
      else trouble.before = fault;
      entry.met++;
      if (fault.count !== null && entry.met >= fault.count) this.remove(entry.id);
    }
    return trouble;
  }
}

function viewOf({ id, fault, met }: Entry): FaultView {
  return { id, fault, met };
}

function pathRegex(pattern: string): RegExp {
  const source = pattern
    .split('**')
    .map((piece) =>
      piece
        .split('*')
        .map((text) => text.replace(/[.\\+?^${}()|[\]]/g, '\\$&'))
        .join('[^/]+'),
    )
    .join('.*');
  return new RegExp(`^${source}$`);
}
