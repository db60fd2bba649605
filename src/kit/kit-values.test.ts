import { describe, expect, it } from 'vitest';
import { endMs, rfc3339Ms } from './alert-values.ts';
import { fingerprintOf } from './fingerprint.ts';
import { jsonPointer, readPointer } from './json-pointer.ts';
import { cut, linesOf } from './notification-text.ts';
import { parseNumber, parsePrometheusText } from './prometheus-text.ts';
import { excerpt } from './redact.ts';
import { joinUrl, urlProblem } from './url-option.ts';

describe('fingerprintOf', () => {
  it('is FNV-1a, 64 bits', () => {
    expect(fingerprintOf({})).toBe('cbf29ce484222325'); // the offset basis, as Prometheus gives for no labels
    // Against arithmetic with whole numbers of any size.
    for (const labels of [{ a: 'b' }, { alertname: 'HighLoad', team: 'größe', z: '', é: '負荷' }]) {
      let hash = 0xcbf29ce484222325n;
      for (const name of Object.keys(labels).sort()) {
        for (const byte of [...Buffer.from(name), 255, ...Buffer.from((labels as Record<string, string>)[name] ?? ''), 255]) {
          hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100000001b3n);
        }
      }
      expect(fingerprintOf(labels)).toBe(hash.toString(16).padStart(16, '0'));
    }
  });
});

describe('readPointer (RFC 6901)', () => {
  const document = { foo: ['bar', 'baz'], '': 0, 'a/b': 1, 'c%d': 2, 'm~n': 8, ' ': 7 };
  it.each<[string, unknown]>([
    ['', document],
    ['/foo', ['bar', 'baz']],
    ['/foo/0', 'bar'],
    ['/', 0],
    ['/a~1b', 1],
    ['/c%d', 2],
    ['/m~0n', 8],
    ['/ ', 7],
    ['/foo/2', undefined],
    ['/foo/-', undefined],
    ['/foo/length', undefined],
    ['/toString', undefined],
    ['/foo/0/0', undefined],
  ])('%j', (pointer, value) => {
    expect(jsonPointer.safeParse(pointer).success).toBe(true);
    expect(readPointer(document, pointer)).toEqual(value);
  });
  it.each(['foo', '/a~2', '#/a', 'a/b'])('%j is no pointer', (text) => {
    expect(jsonPointer.safeParse(text).success).toBe(false);
  });
});

describe('times of alerts', () => {
  it('are RFC 3339, with any number of decimals', () => {
    const ms = Date.UTC(2026, 10, 22, 12, 0, 0, 123);
    for (const text of ['2026-11-22T12:00:00.123Z', '2026-11-22T12:00:00.123456789Z', '2026-11-22T13:00:00.123+01:00']) expect(rfc3339Ms(text)).toBe(ms);
    for (const text of ['', 'now', '2026-11-22', '2026-13-01T00:00:00Z', '2026-11-22T12:00:00', 5, null]) expect(rfc3339Ms(text)).toBeNull();
    expect(endMs('0001-01-01T00:00:00Z')).toBeNull();
  });
});

describe('Prometheus text', () => {
  it('reads numbers as Prometheus writes them and nothing else', () => {
    expect(['1', '-1.5', '+.5', '1e3', '5.', 'NaN', '+Inf', '-Inf', 'inf'].map(parseNumber)).toEqual([
      1,
      -1.5,
      0.5,
      1000,
      5,
      Number.NaN,
      Infinity,
      -Infinity,
      Infinity,
    ]);
    for (const text of ['', ' ', '0x1', '1_000', '1,5', 'null', 'infinity?', '--1', '1e']) expect(parseNumber(text)).toBeNull();
  });
  it('is not slowed down by hostile lines', () => {
    const line = `m{${'}'.repeat(9000)}${'a="b",'.repeat(1500)}`;
    const startMs = performance.now();
    expect(parsePrometheusText(`${line}\n`.repeat(200), 'm').ok).toBe(false);
    expect(parsePrometheusText(`${`x{a="${'\\\\'.repeat(9000)}`}\n`.repeat(200), 'm')).toMatchObject({ ok: true, samples: [] });
    expect(performance.now() - startMs).toBeLessThan(5000);
  });
  it('reads escapes, an empty block and spaces', () => {
    const parsed = parsePrometheusText('m{} 1\nm{a="x\\\\\\n\\"y"} 2 \nm { a = "z" } 3\n', 'm');
    expect(parsed.ok && parsed.samples.map((s) => [s.value, s.labels.get('a')])).toEqual([
      [1, undefined],
      [2, 'x\\\n"y'],
      [3, 'z'],
    ]);
  });
});

describe('texts', () => {
  it('excerpts never hold a part of a secret that crosses the cut', () => {
    expect(excerpt(`${'a'.repeat(195)}secret-value`, ['secret-value'])).not.toContain('secre');
  });
  it('are cut between characters', () => {
    expect(cut('ab😀cd', 4)).toBe('ab…');
    expect(cut('abcd', 4)).toBe('abcd');
  });
  it('say how many lines were left out', () => {
    const notification = {
      event: 'x',
      group: null,
      atMs: 0,
      sentence: '',
      lines: ['a', 'b'.repeat(100), 'c'],
      decision: null,
      severity: 'info',
      dedupeKey: '',
    } as const;
    expect(linesOf(notification, 100)).toBe('a\n(2 more lines)');
    expect(linesOf(notification, 1000)).toBe(`a\n${'b'.repeat(100)}\nc`);
  });
});

describe('addresses', () => {
  it('are joined with one slash and keep their query', () => {
    expect(joinUrl('http://h:1', '/api')).toBe('http://h:1/api');
    expect(joinUrl('http://h/p/', 'api?x=1')).toBe('http://h/p/api?x=1');
    expect(joinUrl('http://h/p?k=v', '/a%2Fb?x=1')).toBe('http://h/p/a%2Fb?k=v&x=1');
  });
  it('hold no credentials', () => {
    expect(urlProblem('https://example.org/x?y=1')).toBeNull();
    for (const text of ['example.org', 'ftp://x', 'http://u@h', 'http://u:p@h', 'http://h/#x', 'http://']) expect(urlProblem(text)).not.toBeNull();
  });
});
