import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { JsonError, MAX_DEPTH, parseStrictJson } from './strict-json.ts';

const bytes = (text: string) => new TextEncoder().encode(text);

describe('parseStrictJson', () => {
  it.each([
    ['a byte order mark', '\uFEFF{}'],
    ['depth', '['.repeat(MAX_DEPTH + 1) + ']'.repeat(MAX_DEPTH + 1)],
    ['depth without an end', '['.repeat(100_000)],
    ['a number beyond any', '{"a":1e400}'],
    ['a negative zero', '{"a":-0}'],
    ['a whole number that does not survive', '{"a":9007199254740993}'],
    ['half a character', '{"a":"\\ud800"}'],
    ['half a character in a key', '{"\\udc00":1}'],
    ['the same key twice', '{"a":1,"a":2}'],
    ['the same key twice, once escaped', '{"a":1,"\\u0061":2}'],
    ['__proto__', '{"__proto__":{"polluted":true}}'],
    ['__proto__ escaped', '{"\\u005f\\u005fproto__":1}'],
    ['constructor, deep', '{"a":[{"constructor":{"prototype":{"polluted":true}}}]}'],
    ['two documents', '{} {}'],
    ['a comment', '{/*x*/}'],
    ['nothing', ' '],
  ])('refuses %s', (_, text) => {
    expect(() => parseStrictJson(bytes(text))).toThrow(JsonError);
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
  });

  it('refuses bytes that are not UTF-8', () => {
    expect(() => parseStrictJson(new Uint8Array([0x22, 0xff, 0x22]))).toThrow(JsonError);
  });

  it('takes what is fine, the allowed depth, escapes and equal keys in different objects included', () => {
    const text = '{"a":{"k":1},"b":{"k":-1.5e3},"c":["\\"{[,:","\\\\"],"d":null,"e":true,"\\u00fc":"👋"}';
    expect(parseStrictJson(bytes(text))).toEqual(JSON.parse(text));
    expect(parseStrictJson(bytes('['.repeat(MAX_DEPTH) + ']'.repeat(MAX_DEPTH)))).toHaveLength(1);
  });

  it('gives back any JSON value that JSON.stringify wrote', () => {
    const plain = fc
      .jsonValue({ maxDepth: 4, stringUnit: 'binary' })
      .filter((v) => !/"(__proto__|constructor|prototype)":|-0[,\]}]|-0$|\d{16}|e\+/.test(JSON.stringify(v)));
    fc.assert(
      fc.property(plain, (value) => {
        const text = JSON.stringify(value);
        if (text.isWellFormed() && !/\\ud[89a-f]/i.test(text)) expect(parseStrictJson(bytes(text))).toEqual(JSON.parse(text));
      }),
    );
  });

  it('never throws anything but JsonError', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.string(), fc.string({ unit: fc.constantFrom('{', '}', '[', ']', '"', ':', ',', '\\', '-', '1', 'e', '.', 'u', ' ') })),
        (text) => {
          try {
            parseStrictJson(bytes(text));
          } catch (error) {
            expect(error).toBeInstanceOf(JsonError);
          }
        },
      ),
    );
  });
});
