import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { bearerOf } from '../../src/api/auth.ts';
import { hostOf, isLoopback, sourceOf } from '../../src/api/http-basics.ts';
import { hideSecrets } from '../../src/api/view.ts';
import { parseDuration } from '../../src/core/units.ts';
import { lintQuery } from '../../src/drivers/sources/prometheus/promql.ts';
import { explainFields } from '../../src/kit/fill.ts';
import { retryAfterMs } from '../../src/kit/http-call.ts';
import { excerpt } from '../../src/kit/redact.ts';

/** Texts on which a regular expression that backtracks takes time by their square or worse. */
const N = 50_000;
const EVIL = [
  'a',
  ' ',
  '\t',
  '\n',
  '(',
  '{',
  '{{',
  '{{ a',
  '}',
  '"',
  "'",
  '\\',
  '=',
  ',',
  ':',
  '-',
  '.',
  '0',
  '9',
  '0.',
  '1h',
  '[',
  ']',
  '/',
  'é',
  'A1_',
  'sum(',
  'a{',
  'a{b="c",',
  '::',
  'Bearer ',
].map((unit) => unit.repeat(Math.floor(N / unit.length)));
const WRAPPED = EVIL.flatMap((text) => [text, `${text}!`, `x${text}`, `a{${text}`, `sum(a{${text}})!`, `up[${text}]`, `Bearer ${text}\u0000`]);

describe('S26 no text of others is a pattern, and ours are not slow on any', () => {
  it.each([
    ['fields of a text', (text: string) => explainFields(text, ['id'])],
    ['an excerpt of an answer', (text: string) => excerpt(text, ['secret'])],
    ['the remarks on a query', (text: string) => lintQuery(text)],
    ['Retry-After', (text: string) => retryAfterMs(text, 0)],
    ['a duration', (text: string) => parseDuration(text)],
    ['an Authorization header', (text: string) => bearerOf(text)],
    ['a Host header', (text: string) => isLoopback(hostOf(text))],
    ['an address', (text: string) => sourceOf(text)],
    ['the name of an option', (text: string) => hideSecrets({ [text]: 'x' })],
  ] as const)('%s', (_, read) => {
    const startMs = performance.now();
    for (const text of WRAPPED) read(text);
    // 217 texts of 50,000 characters: a quadratic expression needs minutes, a linear one about a second.
    expect(performance.now() - startMs).toBeLessThan(15_000);
  });

  it('these are all the expressions that are made while running, and none is of a pattern somebody sent', () => {
    const root = new URL('../../src', import.meta.url).pathname;
    const made: string[] = [];
    for (const path of readdirSync(root, { recursive: true, encoding: 'utf8' })) {
      if (!path.endsWith('.ts') || path.endsWith('.test.ts') || path.startsWith('sim/') || path.startsWith('testing/')) continue;
      for (const [, what] of readFileSync(join(root, path), 'utf8').matchAll(/new RegExp\((.{0,60})/g)) made.push(`${path}: ${what?.trim()}`);
    }
    expect(made.map((line) => line.replace(/:.*/, '')).sort()).toEqual([
      'api/routes.ts', // the paths of the contract
      'config/sense-names.ts', // the name of a metric as it is, every other sign escaped
      'drivers/sources/prometheus/promql.ts',
      'drivers/sources/prometheus/promql.ts',
      'emulators/api/faults.ts', // the path of a fault of the emulator: its signs are a closed list, `*` becomes a class
      'emulators/api/router.ts', // the paths of an emulated API
    ]);
  });
});
