import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { shellCommands, type Word } from './shell-words.ts';

const shown = (word: Word): string => word.map((p) => (p.kind === 'text' ? p.text : p.kind === 'variable' ? `<${p.name}>` : `<(${p.text})>`)).join('');
const words = (text: string): string[][] => shellCommands(text).map((c) => c.words.map(shown));

describe('words of a shell script', () => {
  it.each<[string, string[][]]>([
    ['a b  c', [['a', 'b', 'c']]],
    ['a "b c" \'d $e\' f\\ g', [['a', 'b c', 'd $e', 'f g']]],
    ['a; b && c | d # e', [['a'], ['b'], ['c'], ['d']]],
    ['a \\\n  --flag=1\nb', [['a', '--flag=1'], ['b']]],
    ['X="nginx-$(cat /f | head -c 25)" Y=$X', [['X=nginx-<(cat /f | head -c 25)>', 'Y=<X>']]],
    ['a ${B:-x} `c d` $1 $? $', [['a', '<B>', '<(c d)>', '<1>', '<?>', '$']]],
    ['a "$(b "c)" $(d))" e', [['a', '<(b "c)" $(d))>', 'e']]],
    ['a >out 2>&1 b >> log <in', [['a', 'b']]],
    ['cat <<EOF > f\nrm -rf $x\nEOF\nb', [['cat'], ['b']]],
    ["cat <<-'E N'\nx", [['cat'], ['x']]],
    ['a "unclosed', [['a', 'unclosed']]],
    ['a $(unclosed', [['a', '<(unclosed)>']]],
    ['a#b #c', [['a#b']]],
    ['', []],
  ])('%j', (text, expected) => expect(words(text)).toEqual(expected));

  it('know their lines', () => {
    const text = '#!/bin/sh\n\na \\\n b\nc "x\ny"\ncat <<E\n1\n2\nE\nd $(\n e)\nf';
    expect(shellCommands(text).map((c) => [c.line, c.raw])).toEqual([
      [3, 'a b'],
      [5, 'c "x y"'],
      [7, 'cat <<E'],
      [11, 'd $( e)'],
      [13, 'f'],
    ]);
  });

  it('never fail, whatever the text', () => {
    const piece = fc.constantFrom('"', "'", '`', '$(', ')', '${', '}', '\\', '\n', '<<E', ' ', ';', '|', '&', '#', 'a', '$a', '>', '2>&1');
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 60 }), (pieces) => {
        const lines = shellCommands(pieces.join('')).map((c) => c.line);
        expect(lines).toEqual([...lines].sort((a, b) => a - b));
      }),
    );
  });
});
