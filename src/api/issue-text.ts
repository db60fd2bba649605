import type { z } from 'zod';

const KINDS: Readonly<Record<string, string>> = {
  string: 'a text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  object: 'an object',
  record: 'an object',
  array: 'a list',
  null: 'null',
};

/** The wording of the library that checks; our own messages are kept as they are. */
const LIBRARY = /^(Invalid |Too (big|small)|Unrecognized key)/;

/** What is wrong with a value, for people. It never repeats the value. */
export function issueText(issue: z.core.$ZodIssue): string {
  if (!LIBRARY.test(issue.message)) return issue.message;
  switch (issue.code) {
    case 'invalid_type':
      return issue.message.endsWith('received undefined') ? `is missing or not ${kindOf(issue.expected)}` : `must be ${kindOf(issue.expected)}`;
    case 'too_big':
      return `must be ${bound('at most', issue.maximum, issue.origin, issue.inclusive)}`;
    case 'too_small':
      return issue.origin === 'string' && issue.minimum === 1
        ? 'must not be empty'
        : `must be ${bound('at least', issue.minimum, issue.origin, issue.inclusive)}`;
    case 'invalid_value':
      return `must be one of ${issue.values.map(String).join(', ')}`;
    case 'unrecognized_keys':
      return `has fields that are not known: ${issue.keys.join(', ')}`;
    case 'invalid_union':
      return 'has none of the forms that are taken here';
    case 'invalid_format':
      return 'is not written as it should be';
    default:
      return 'is not a value that is taken here';
  }
}

const kindOf = (expected: string): string => KINDS[expected] ?? `a value of the kind ${expected}`;

function bound(words: string, limit: number | bigint, origin: string, inclusive = true): string {
  const edge = inclusive ? words : words === 'at most' ? 'less than' : 'more than';
  if (origin === 'string') return `${edge} ${limit} characters long`;
  if (origin === 'array' || origin === 'set') return `${edge} ${limit} entries long`;
  return `${edge} ${limit}`;
}
