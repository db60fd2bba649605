/** What hostile or careless senders put where something else belongs. */
import type { Draw } from './draw.ts';

export const DANGEROUS_KEYS = ['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty', 'valueOf', '__defineGetter__', 'then'] as const;

export const ODD_TEXTS = [
  '',
  ' ',
  '\u0000',
  '\r\n',
  '\u001b[31m',
  '\u202eevil',
  '\ufeff',
  '\ud800',
  '\udfff',
  '🦊'.repeat(9),
  'ﷺ',
  'a\u0301',
  'İ',
  'null',
  'true',
  'NaN',
  'Infinity',
  '-0',
  '1e999',
  '0x1F',
  '1_000',
  '..',
  '../../etc/passwd',
  '%00',
  '%zz',
  '$(id)',
  '`id`',
  '; rm -rf /',
  "' OR 1=1 --",
  '{{constructor.constructor("return 1")()}}',
  '${process.env.HOME}',
  '<img src=x onerror=alert(1)>',
  'x'.repeat(300),
  '2026-02-30',
  '9999999999999999999',
  ...DANGEROUS_KEYS,
] as const;

export const ODD_NUMBERS = [
  0,
  -0,
  1,
  -1,
  0.1,
  1.5,
  60,
  255,
  256,
  65_536,
  1e9,
  2 ** 31,
  2 ** 53,
  2 ** 53 + 2,
  -(2 ** 53),
  1e21,
  1e308,
  5e-324,
  Number.NaN,
  Number.POSITIVE_INFINITY,
  Number.NEGATIVE_INFINITY,
] as const;

export function oddText(draw: Draw): string {
  if (!draw.oneIn(4)) return draw.pick(ODD_TEXTS);
  let text = '';
  for (let n = draw.between(1, 12); n > 0; n--) text += String.fromCharCode(draw.oneIn(4) ? draw.below(0x1_0000) : draw.between(32, 126));
  return text;
}

/** Any JSON value, of any kind but the expected one. */
export function oddValue(draw: Draw, depth = 3): unknown {
  switch (draw.below(depth > 0 ? 8 : 6)) {
    case 0:
      return null;
    case 1:
      return draw.oneIn(2);
    case 2:
    case 3:
      return draw.pick(ODD_NUMBERS);
    case 4:
    case 5:
      return oddText(draw);
    case 6:
      return draw.list(draw.few(4), () => oddValue(draw, depth - 1));
    default:
      return oddObject(draw, depth);
  }
}

function oddObject(draw: Draw, depth: number): object {
  const pairs = draw.list(draw.few(4), () => [draw.oneIn(3) ? draw.pick(DANGEROUS_KEYS) : oddText(draw), oddValue(draw, depth - 1)] as const);
  // `fromEntries` makes own properties, also of `__proto__`.
  return Object.fromEntries(pairs);
}

/** Nested `depth` deep. */
export function deep(draw: Draw, depth: number): unknown {
  let value: unknown = draw.pick(ODD_NUMBERS);
  for (let i = 0; i < depth; i++) value = draw.oneIn(2) ? [value] : { [draw.pick(['a', 'b', ...DANGEROUS_KEYS])]: value };
  return value;
}
