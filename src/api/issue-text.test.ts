import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { issueText } from './issue-text.ts';

const textsOf = (schema: z.ZodType, value: unknown): string[] => schema.safeParse(value).error?.issues.map(issueText) ?? [];

describe('what is wrong with a value', () => {
  it.each([
    [z.string().max(500), 'x'.repeat(501), 'must be at most 500 characters long'],
    [z.string().min(1), '', 'must not be empty'],
    [z.number().min(3), 2, 'must be at least 3'],
    [z.number().gt(3), 3, 'must be more than 3'],
    [z.array(z.string()).max(1), ['a', 'b'], 'must be at most 1 entries long'],
    [z.strictObject({}), 'no', 'must be an object'],
    [z.string(), undefined, 'is missing or not a text'],
    [z.int(), 1.5, 'must be a whole number'],
    [z.enum(['a', 'b']), 'c', 'must be one of a, b'],
    [z.strictObject({ a: z.string() }), { a: 'x', b: 1 }, 'has fields that are not known: b'],
    [z.union([z.string(), z.number()]), true, 'has none of the forms that are taken here'],
    [z.email(), 'nobody', 'is not written as it should be'],
    [z.string().regex(/^a/, 'starts with a'), 'b', 'starts with a'],
  ])('%#: %s', (schema, value, text) => {
    expect(textsOf(schema, value)).toEqual([text]);
  });
});
