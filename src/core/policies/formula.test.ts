import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { context, usable } from '../fixtures/context.ts';
import { formulaPolicy } from './formula.ts';
import { evaluate, metricsIn, parseExpression } from './formula-expression.ts';

const METRICS: Record<string, number> = { a: 2, b: 3, zero: 0, neg: -7.5 };
const compute = (text: string) => evaluate(parseExpression(text), (name) => METRICS[name] ?? null);

describe('expressions', () => {
  test.each([
    ['a + b * 2', 8],
    ['(a + b) * 2', 10],
    ['-a - -b', 1],
    ['7 % b', 1],
    ['a < b ? 10 : 20', 10],
    ['a >= b ? 10 : 20', 20],
    ['a == 2', 1],
    ['a != 2', 0],
    ['min(a, b, 1)', 1],
    ['max(a, b)', 3],
    ['abs(neg)', 7.5],
    ['ceil(neg)', -7],
    ['floor(neg)', -8],
    ['round(2.5)', 3],
    ['sqrt(a + 7)', 3],
    ['1e3 + 0.5', 1000.5],
    ['a / zero', Number.POSITIVE_INFINITY],
    ['zero / zero', Number.NaN],
    ['gone + 1', Number.NaN],
    ['gone > 1 ? 1 : 2', Number.NaN],
    ['gone == gone', Number.NaN],
  ])('%s = %d', (text, value) => expect(compute(text)).toBe(value));
  test.each([
    '',
    'a +',
    'a b',
    'a.b',
    'a["b"]',
    'a && b',
    '!a',
    '~a',
    'a = 1',
    '"text"',
    'true',
    'this',
    '[a]',
    'a; b',
    'constructor("x")()',
    'toString(a)',
    'eval(a)',
    'sqrt()',
    'sqrt(a, b)',
    'min()',
    `${'('.repeat(60)}a${')'.repeat(60)} +`,
    `${'-'.repeat(60)}a`,
    `a${' + a'.repeat(400)}`,
  ])('%s is refused', (text) => expect(() => parseExpression(text)).toThrow());
  test('names its metrics once, in order', () => expect(metricsIn(parseExpression('b + a * b + max(c, a)'))).toEqual(['b', 'a', 'c']));
  test('the parsed form is plain JSON', () => {
    const tree = parseExpression('a > 1 ? min(a, b) : -b');
    expect(JSON.parse(JSON.stringify(tree))).toEqual(tree);
  });
  test('no text does anything but parse or throw', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 60, unit: fc.constantFrom(...Array.from('ab01.+-*/%()<>=!?:,[]{}"\'`$_ &|;')) }), (text) => {
        let tree: ReturnType<typeof parseExpression>;
        try {
          tree = parseExpression(text);
        } catch (e) {
          expect(e).toBeInstanceOf(Error);
          return;
        }
        expect(typeof evaluate(tree, () => 1)).toBe('number');
      }),
    );
  });
});

describe('policy', () => {
  const options = formulaPolicy.options.parse({ formula: 'rps + 10 * jobs', per_instance: 100, unit: 'units' });
  const ask = (...readings: ReturnType<typeof usable>[]) => formulaPolicy.propose(context(readings), options, null).proposal;
  test('holds the result', () => {
    expect(ask(usable('rps', 300, { ageS: 4 }), usable('jobs', 40, { ageS: 9 }))).toMatchObject({
      value: 700,
      wants: 7,
      ageS: 9,
      arithmetic: '700 units / 100 = 7 → 7',
    });
    expect(formulaPolicy.metricsOf(options)).toEqual(['rps', 'jobs']);
  });
  test('one missing part makes it missing', () => {
    expect(ask(usable('rps', 300), usable('jobs', null))).toMatchObject({
      wants: null,
      blocksShrink: true,
      error: 'jobs is missing (absent: it was not read)',
    });
    expect(ask(usable('rps', 300))).toMatchObject({ wants: null, blocksShrink: true, error: 'jobs is not configured' });
    expect(ask(usable('rps', 300), usable('jobs', null, { floor: 5 }))).toMatchObject({ wants: 5, floor: true });
  });
  test('one doubtful part makes it doubtful', () => {
    const doubtful = usable('jobs', 0, { mayShrink: false, code: 'HOLD_COLLAPSE', problem: 'jobs fell' });
    expect(ask(usable('rps', 100), doubtful)).toMatchObject({ wants: 1, blocksShrink: true, reason: 'HOLD_COLLAPSE' });
  });
  test('no value is missing, not zero', () => {
    const o = formulaPolicy.options.parse({ formula: 'rps / jobs', per_instance: 1 });
    const { proposal } = formulaPolicy.propose(context([usable('rps', 1), usable('jobs', 0)]), o, null);
    expect(proposal).toMatchObject({ wants: null, blocksShrink: true, reason: 'HOLD_METRIC_MISSING' });
  });
  test.each([[{ formula: '1 + 1', per_instance: 1 }], [{ formula: 'a.b', per_instance: 1 }], [{ formula: 'a' }]])('options %j are refused', (o) =>
    expect(formulaPolicy.options.safeParse(o).success).toBe(false),
  );
});
