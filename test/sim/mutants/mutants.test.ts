import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { hunt } from './hunt.ts';
import { planted } from './mutant.ts';
import { MUTANTS } from './mutants.ts';

const ROOT = join(import.meta.dirname, '../../..');
const source = (file: string): string => readFileSync(join(ROOT, file), 'utf8');

describe('planted bugs', () => {
  it('are as many as were promised, each with a name of its own', () => {
    expect(MUTANTS.length).toBeGreaterThanOrEqual(36);
    expect(new Set(MUTANTS.map((m) => m.name)).size).toBe(MUTANTS.length);
  });
  it.each(MUTANTS.map((m) => [m.name, m] as const))('%s: its place is there once, and the bug changes it', (_, mutant) => {
    const before = source(mutant.file);
    expect(planted(before, mutant)).not.toBe(before);
  });
  it('cannot be planted where their place is gone or not the only one', () => {
    const mutant = { name: 'x', incident: 'x', file: 'x.ts', find: 'a', replace: 'b' };
    expect(planted('an', mutant)).toBe('bn');
    expect(() => planted('none', mutant)).toThrow('0 times');
    expect(() => planted('aa', mutant)).toThrow('2 times');
  });
  it('name tests that exist', () => {
    for (const { test } of MUTANTS) if (test) expect(() => source(test.file)).not.toThrow();
  });
});

/** A few that are found soon; all of them are hunted by `node test/sim/mutants/main.ts`. */
const SAMPLE: readonly string[] = [
  'a retry carries a new token',
  'the call goes out before the intent is written',
  'missing from one list is gone',
  'an accepted delete is a done one',
  'no budget for any deletion',
  'the machine goes before its entry',
  'missing is zero',
  'the record holds the memory after, not before',
  'a call starts whatever is left of the lease',
  'the chain of events is not chained',
  'SQLite takes a delivery twice',
];

describe('the simulator catches', () => {
  it('all that are named here', () => {
    expect(SAMPLE.filter((name) => !MUTANTS.some((m) => m.name === name))).toEqual([]);
  });
  it.each(MUTANTS.filter((m) => SAMPLE.includes(m.name)).map((m) => [m.name, m] as const))('%s', async (_, mutant) => {
    expect(await hunt(mutant, { limitS: 60 })).not.toBeNull();
  });
});
