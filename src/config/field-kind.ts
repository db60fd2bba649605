import type { z } from 'zod';
import { defOf, unwrap } from './walk.ts';

/** What somebody is asked to write, found by trying: so it holds for options of drivers and policies as well. */
export type FieldKind = 'step' | 'change' | 'money' | 'budget' | 'threshold' | 'percent' | 'duration' | 'secret' | 'other';

const PROBES: readonly (readonly [FieldKind, readonly unknown[]])[] = [
  ['secret', [{ env: 'NAME' }]],
  ['step', ['max(1, 20%)']],
  ['change', ['to 5']],
  ['budget', [['1 EUR/h', '1 EUR/month']]],
  ['money', ['1 EUR/h', '1 EUR/month']],
  ['percent', ['1%', '50%', '100%']],
  ['duration', ['100ms', '500ms', '1s', '5s', '30s', '1m', '5m', '1h', '1d', '30d', '365d']],
];

export function kindOf(schema: z.ZodType): FieldKind {
  const accepts = (value: unknown): boolean => schema.safeParse(value).success;
  // A free text takes everything, a map or list of anything takes none of these.
  if (accepts('qqq') || accepts('qqqq') || accepts({ qqq: 1 }) || accepts({ qqq: 'qqq' }) || accepts(['qqq', 'qqq'])) return 'other';
  for (const [kind, probes] of PROBES) {
    if (!probes.some(accepts)) continue;
    if (kind === 'percent' && accepts(0.5) && accepts(1234.5)) return 'threshold';
    return kind;
  }
  return 'other';
}

const WORDS: Readonly<Record<string, string>> = {
  string: 'a text',
  number: 'a number',
  int: 'a whole number',
  boolean: '`true` or `false`',
  object: 'a map (`key: value`)',
  record: 'a map (`key: value`)',
  array: 'a list',
  tuple: 'a list',
  null: 'nothing',
};

/** `a number`, `a text or a map`. */
export function wanted(schema: z.ZodType): string {
  const words = new Set<string>();
  const collect = (s: z.ZodType): void => {
    const def = defOf(unwrap(s));
    if (def.type === 'union') for (const option of def.options ?? []) collect(option);
    else if (def.type === 'pipe' && def.in !== undefined) collect(def.in);
    else if (def.type === 'enum' || def.type === 'literal') words.add('one of a few words');
    else words.add(WORDS[def.type] ?? 'another kind of value');
  };
  collect(schema);
  const list = [...words];
  return list.length < 2 ? (list[0] ?? 'another kind of value') : `${list.slice(0, -1).join(', ')} or ${list[list.length - 1]}`;
}
