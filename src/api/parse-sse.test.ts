import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createSseParser } from './parse-sse.ts';

describe('the parser of server-sent events', () => {
  const text = ': open\n\nretry: 2000\n\nid: 1\nevent: decision\ndata: {"a":\ndata: 1}\n\ndata:x\r\n\r\nid: 2\n\n';

  it('gives the messages, however the text is cut', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(text.length), { maxLength: 8 }), (cuts) => {
        const at = [0, ...cuts.sort((a, b) => a - b), text.length];
        const parse = createSseParser();
        const messages = at.slice(1).flatMap((end, i) => parse(text.slice(at[i], end)));
        expect(messages).toEqual([
          { id: '1', event: 'decision', data: '{"a":\n1}' },
          { id: null, event: 'message', data: 'x' },
        ]);
      }),
    );
  });

  it('does not collect without end', () => {
    const parse = createSseParser();
    expect(() => {
      for (let i = 0; i < 10; i++) parse(`data: ${'x'.repeat(1_000_000)}`);
    }).toThrow(/without an end/);
  });
});
