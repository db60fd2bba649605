import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { diagnosticsOf, load } from '../../test/typo/manifests.ts';
import { READ_LIMITS, readYaml } from './read.ts';
import { toPlain } from './tree.ts';

const codesOf = (text: string): string[] => readYaml(text, 'a.yaml').diagnostics.map((d) => d.code);
const plainOf = (text: string): unknown => {
  const { root } = readYaml(text, 'a.yaml');
  return root === null ? null : toPlain(root);
};

describe('reading YAML', () => {
  it('keeps to YAML 1.2: no sexagesimals, yes is a word, 0o7 is octal', () => {
    expect(plainOf('a: 22:00\nb: yes\nc: 0o17\nd: ~\ne: 60%\nf: 2026-12-24')).toEqual({ a: '22:00', b: 'yes', c: 15, d: null, e: '60%', f: '2026-12-24' });
  });

  it('follows a few aliases, and refuses many, endless and unknown ones', () => {
    expect(plainOf('a: &x { n: 1 }\nb: *x')).toEqual({ a: { n: 1 }, b: { n: 1 } });
    expect(codesOf(`a: &x 1\n${Array.from({ length: 11 }, (_, i) => `k${i}: *x`).join('\n')}`)).toEqual(['E0003']);
    expect(codesOf('a: &x [*x]')).toEqual(['E0003']);
    expect(codesOf('a: *nothing')).toHaveLength(1);
  });

  it('refuses a bomb of aliases without unfolding it', () => {
    const levels = Array.from({ length: 9 }, (_, i) => `l${i + 1}: &l${i + 1} [${Array.from({ length: 9 }, () => `*l${i}`).join(', ')}]`);
    expect(codesOf(`l0: &l0 [x]\n${levels.join('\n')}\n`)).toEqual(['E0003']);
    // Within the number of aliases, the number of values bounds it.
    const wide = `a: &a [${Array.from({ length: 4000 }, () => 'x').join(', ')}]\nb: &b [*a, *a, *a]\nc: [*b, *b, *b]\n`;
    expect(codesOf(wide)).toEqual(['E0004']);
  });

  it('refuses deep and large files quickly', () => {
    for (const text of ['['.repeat(200_000), '{a: '.repeat(60_000), '- '.repeat(120_000), '? '.repeat(100_000)]) expect(codesOf(text)).toEqual(['E0004']);
    const block = Array.from({ length: 40 }, (_, i) => `${' '.repeat(i)}a:`).join('\n');
    expect(codesOf(block)).toEqual(['E0004']);
    expect(codesOf(`# ${'x'.repeat(READ_LIMITS.bytes)}\n`)).toEqual(['E0004']);
    expect(codesOf(`# ${'ä'.repeat(READ_LIMITS.bytes / 2)}\n`)).toEqual(['E0004']);
  });

  it('refuses tags, merge keys, keys that are no words, and keys that reach the prototype', () => {
    for (const text of [
      'a: !!python/object 1',
      'a: !x 1',
      'b: &b {c: 1}\na:\n  <<: *b',
      '? [a]\n: 1',
      '__proto__: { x: 1 }',
      'a: { constructor: 1 }',
      'a: [{ prototype: 1 }]',
    ]) {
      expect(codesOf(text), text).toEqual(['E0003']);
    }
    expect(({} as Record<string, unknown>)['x']).toBeUndefined();
  });

  it('tells of every key that is written twice', () => {
    expect(codesOf('a: 1\na: 2\nb: { c: 1, c: 2 }')).toEqual(['E0002', 'E0002']);
  });

  it('says that an empty file is empty', () => {
    for (const text of ['', '\n\n', '# nothing\n', '---\n', 'null\n']) expect(codesOf(text), JSON.stringify(text)).toEqual(['E0006']);
  });
});

/** Pieces that are near to a configuration, so that the checks behind the parser are reached. */
const words = fc.constantFrom(
  ...'version: 1 groups: web: cloud: local max: 10 min: template: balancer: { } [ ] , - | > & * ! "  \' # % @ ` \t \n \n\n metrics: rps: from: prom query: policies: type: target step steps: schedule cron: limits: health: hooks: exec: http: notify: server: listen: null ~ true 1e999 -5 5m 60% __proto__: constructor: toString: hasOwnProperty: valueOf:'.split(
    ' ',
  ),
  '\n  ',
  '\n    ',
  '\n      ',
  'groups:\n  web:\n    ',
  'version: 1\n',
);

describe('any text', () => {
  it('is judged without a throw, without touching a prototype, and in bounded time', () => {
    const before = Object.getOwnPropertyNames(Object.prototype).sort();
    let slowest = 0;
    const judge = (text: string): void => {
      const start = performance.now();
      const found = diagnosticsOf(text);
      slowest = Math.max(slowest, performance.now() - start);
      for (const d of found) {
        expect(d.line).toBeGreaterThan(0);
        expect(d.column).toBeGreaterThan(0);
        expect(d.endColumn).toBeGreaterThan(d.column);
      }
    };
    fc.assert(
      fc.property(fc.array(words, { maxLength: 60 }), (parts) => judge(parts.join(' '))),
      { numRuns: 1500 },
    );
    fc.assert(fc.property(fc.string({ maxLength: 300, unit: 'binary' }), judge), { numRuns: 500 });
    expect(Object.getOwnPropertyNames(Object.prototype).sort()).toEqual(before);
    // The goal is 100 ms; generous here, since tests share the machine.
    expect(slowest).toBeLessThan(1000);
  });

  it('any JSON value in any place of a configuration is judged without a throw', () => {
    const value = fc.jsonValue({ maxDepth: 3 });
    const section = fc.constantFrom('server', 'defaults', 'clouds', 'sources', 'templates', 'balancers', 'receivers', 'notify', 'groups', 'prometheus');
    const field = fc.constantFrom(
      'cloud',
      'template',
      'balancer',
      'min',
      'max',
      'initial',
      'naming',
      'spread',
      'metrics',
      'target',
      'policies',
      'limits',
      'health',
      'lifecycle',
      'hooks',
      'notify',
      'freezes',
      'price',
    );
    fc.assert(
      fc.property(section, value, (key, v) => {
        diagnosticsOf(JSON.stringify({ version: 1, groups: {}, [key]: v }));
      }),
      { numRuns: 500 },
    );
    fc.assert(
      fc.property(field, value, (key, v) => {
        const text = JSON.stringify({ version: 1, groups: { web: { cloud: 'local', template: { command: ['x'] }, max: 3, [key]: v } } });
        const result = load(text);
        if (result.ok) expect(result.config.groups).toHaveLength(1);
        else expect(result.diagnostics.some((d) => d.severity === 'error')).toBe(true);
      }),
      { numRuns: 1500 },
    );
  });
});
