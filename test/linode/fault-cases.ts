/** What can go wrong at the emulated Linode, and what a group must come to. */
import { z } from 'zod';
import { bootFaultsSchema } from '../../src/emulators/api/control.ts';
import { type FaultInput, faultSchema } from '../../src/emulators/api/faults.ts';
import type { Call } from '../support/faulty-group.ts';

/** Longer than a slow machine takes, and than a busy computer needs to start a process. */
export const BOOT_TIMEOUT_S = 20;
/** 35 s × 12 / FACTOR = 8.4 s. */
const SLOWER = 12;

export type Trouble = { readonly kind: FaultInput['kind'] } & Record<string, unknown>;
const ALL: readonly Call[] = ['create', 'join', 'drain', 'leave', 'delete'];

/** A machine comes and goes, and each of `calls` meets the fault once. */
export interface Round {
  readonly name: string;
  readonly fault: Trouble;
  readonly calls: readonly Call[];
  /** What the events and decisions tell of it. */
  readonly tells: readonly RegExp[];
  /** The fault makes its own cloud and balancer wait, which those of the other groups must not. */
  readonly apart?: true;
}

const failed = (step: string, code: string): RegExp => new RegExp(`step\\.failed .*"code":"${code}.*"step":"${step}"`);
const refused = (code: string, why: string): RegExp[] => [new RegExp(`launch\\.failed .*"code":"${code}"`), new RegExp(`HOLD_BACKOFF|${why}`), new RegExp(why)];

export const ROUNDS: readonly Round[] = [
  { name: 'throttlefor', fault: { kind: 'throttle', retry_after_s: 2 }, calls: ALL, tells: refused('throttled', 'BLOCKED_RATE'), apart: true },
  { name: 'throttle', fault: { kind: 'throttle', retry_after_s: null }, calls: ALL, tells: refused('throttled', 'BLOCKED_RATE'), apart: true },
  {
    name: 'error',
    fault: { kind: 'error' },
    calls: ALL,
    tells: [failed('create', 'un(reachable|known)"'), failed('attach', 'un(reachable|known)"'), failed('drain', 'un(reachable|known)"'), /delete\.postponed/],
  },
  { name: 'errorhtml', fault: { kind: 'error', status: 400, body: 'html' }, calls: ALL, tells: [failed('create', 'unreachable'), /delete\.postponed/] },
  { name: 'maintenance', fault: { kind: 'error', status: 503, maintenance: true }, calls: ['create'], tells: refused('unreachable', 'BLOCKED_PROVIDER') },
  {
    name: 'errorafter',
    fault: { kind: 'error_after' },
    calls: ALL,
    tells: [failed('create', 'un(reachable|known)"'), failed('attach', 'un(reachable|known)"'), /delete\.postponed/],
  },
  { name: 'afterhtml', fault: { kind: 'error_after', status: 502, body: 'html' }, calls: ALL, tells: [failed('create', 'un(reachable|known)"')] },
  { name: 'afterclosed', fault: { kind: 'error_after', status: 503, maintenance: true }, calls: ['delete'], tells: [/delete\.postponed/] },
  {
    name: 'lost',
    fault: { kind: 'lost_answer', effect: true },
    calls: ALL,
    tells: [failed('create', 'un(reachable|known)"'), failed('attach', 'un(reachable|known)"')],
  },
  {
    name: 'lostbefore',
    fault: { kind: 'lost_answer', effect: false },
    calls: ALL,
    tells: [failed('create', 'un(reachable|known)"'), failed('attach', 'un(reachable|known)"')],
  },
  { name: 'delay', fault: { kind: 'delay', ms: 4_000 }, calls: ALL, tells: [failed('create', 'un(reachable|known)"')] },
  { name: 'unauthorized', fault: { kind: 'unauthorized' }, calls: ALL, tells: refused('unauthorized', 'BLOCKED_AUTH') },
  { name: 'quota', fault: { kind: 'quota' }, calls: ['create', 'join'], tells: refused('quota', 'BLOCKED_QUOTA') },
  { name: 'nocapacity', fault: { kind: 'no_capacity' }, calls: ['create'], tells: refused('no-capacity', 'BLOCKED_NO_STOCK') },
  { name: 'busy', fault: { kind: 'busy' }, calls: ALL, tells: [failed('create', 'un(reachable|known)"'), /delete\.postponed .*Linode busy/] },
];

/** What may go wrong with a machine on its way up; machines that are made for a group of one. */
export const BOOTS: readonly { readonly name: string; readonly fault: z.input<typeof bootFaultsSchema>; readonly made: number; readonly tells: RegExp }[] = [
  { name: 'slower', fault: { slower: SLOWER }, made: 1, tells: /instance\.serving/ },
  { name: 'stuckearly', fault: { stuck_in: 'provisioning' }, made: 2, tells: /BLOCKED_BOOT/ },
  { name: 'stucklate', fault: { stuck_in: 'booting' }, made: 2, tells: /BLOCKED_BOOT/ },
  { name: 'mute', fault: { mute: true }, made: 2, tells: /BLOCKED_BOOT/ },
];

/** What lists may meet while machines serve, and the result that the metrics then tell; null: the list was believed to be well. */
export const LISTS: readonly (readonly [Trouble, string | null])[] = [
  [{ kind: 'error' }, 'unknown'],
  [{ kind: 'error', status: 400, body: 'html' }, 'unreachable'],
  [{ kind: 'lost_answer', effect: false }, 'unreachable'],
  [{ kind: 'delay', ms: 4_000 }, 'unreachable'],
  [{ kind: 'unauthorized' }, 'unauthorized'],
  [{ kind: 'stale', age_s: 600 }, null],
  [{ kind: 'throttle', retry_after_s: 1 }, 'throttled'],
];

/** What can be done to a machine, with tests of their own; load is no fault. */
const VERBS = ['kill', 'sick', 'well', 'load'];

/** Say which calls are met, or in which words. */
const COMMON = new Set(['kind', 'method', 'path', 'contains', 'count', 'skip', 'text']);

/** What the emulator can do that no case above does; `routes` of its control API. */
export function withoutCase(routes: readonly string[]): readonly string[] {
  const missing: string[] = [];
  for (const { shape } of faultSchema.options) {
    const kind = shape.kind.value;
    // Only a list can be behind.
    const cases = (kind === 'stale' ? LISTS.map(([fault]) => fault) : ROUNDS.map((round) => round.fault)).filter((fault) => fault.kind === kind);
    if (cases.length === 0) missing.push(kind);
    for (const [field, schema] of Object.entries(shape).filter(([name]) => !COMMON.has(name)))
      for (const value of valuesOf(schema)) if (!has(cases, field, value, defaultOf(schema))) missing.push(`${kind} ${field}=${String(value)}`);
  }
  const boots = BOOTS.map((each) => each.fault);
  for (const [field, schema] of Object.entries(bootFaultsSchema.shape).filter(([name]) => name !== 'count'))
    for (const value of valuesOf(schema).filter((each) => each !== null && each !== false))
      if (!has(boots, field, value, null)) missing.push(`boot ${field}=${String(value)}`);
  const verbs = routes.flatMap((route) => /^POST \/machines\/\{id\}\/(\w+)$/.exec(route)?.[1] ?? []);
  return [...missing, ...verbs.filter((verb) => !VERBS.includes(verb)), ...VERBS.filter((verb) => !verbs.includes(verb))];
}

function has(cases: readonly Record<string, unknown>[], field: string, value: unknown, byDefault: unknown): boolean {
  return cases.some((each) => (value === 'given' ? each[field] != null : (each[field] === undefined ? byDefault : each[field]) === value));
}

function defaultOf(schema: z.core.$ZodType): unknown {
  return schema instanceof z.ZodDefault ? schema.def.defaultValue : undefined;
}

/** Values worth a case of their own; `given` stands for any number or text. */
function valuesOf(schema: z.core.$ZodType): readonly unknown[] {
  if (schema instanceof z.ZodDefault) return valuesOf(schema.def.innerType);
  if (schema instanceof z.ZodNullable) return [null, ...valuesOf(schema.def.innerType)];
  if (schema instanceof z.ZodEnum) return Object.values(schema.def.entries);
  if (schema instanceof z.ZodBoolean) return [true, false];
  return ['given'];
}
