import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { CORPUS } from '../../test/typo/corpus.ts';
import { diagnosticsOf } from '../../test/typo/manifests.ts';
import { explainCode } from './codes.ts';
import { frameOf, lineText } from './diagnostic.ts';
import { lspOf, printDiagnostics } from './print.ts';

const good = readFileSync(new URL('../../test/typo/good.drover.yaml', import.meta.url), 'utf8');

/** The broken text, and where the caret must be; null where the corpus leaves that open. */
function breakIt(find: string, broken: string): { text: string; at: { line: number; column: number } | null } {
  const first = good.indexOf(find);
  if (first < 0) throw new Error(`not in the good file: ${find}`);
  const marked = `${good.slice(0, first)}${broken}${good.slice(first + find.length)}`;
  const offset = marked.indexOf('‸');
  if (offset < 0) return { text: marked, at: null };
  const before = marked.slice(0, offset).split('\n');
  return { text: marked.replace('‸', ''), at: { line: before.length, column: (before[before.length - 1] ?? '').length + 1 } };
}

describe('one mistake at a time', () => {
  it('the good file is good', () => {
    expect(diagnosticsOf(good)).toEqual([]);
    expect(CORPUS.length).toBeGreaterThanOrEqual(60);
  });

  it.each(CORPUS)('$title', ({ find, broken, code, suggests }) => {
    const { text, at } = breakIt(find, broken);
    const found = diagnosticsOf(text);
    // One mistake, one error, of the right code.
    expect(found.map((d) => `${d.code} ${d.line}:${d.column} ${d.message}`)).toEqual([expect.stringMatching(new RegExp(`^${code} `))]);
    const d = found[0];
    if (d === undefined) throw new Error('told nothing');
    // The caret is under the exact characters.
    if (at !== null) expect({ line: d.line, column: d.column }).toEqual(at);
    const line = lineText(frameOf(text, d.file), d.line);
    expect(d.endColumn).toBeGreaterThan(d.column);
    expect(d.endColumn).toBeLessThanOrEqual(Math.max(line.length + 1, d.column + 1));
    // A fix, a code that explain knows, the near name.
    expect(d.help.length).toBeGreaterThan(5);
    expect(explainCode(d.code)).not.toBeNull();
    if (suggests !== undefined) expect(d.suggestion).toBe(suggests);
    // The print names the place, draws the caret there, and says that nothing was applied.
    const printed = printDiagnostics(found, text);
    expect(printed).toContain(`--> drover.yaml:${d.line}:${d.column}\n`);
    expect(printed).toContain(`${'^'.repeat(d.endColumn - d.column)} ${d.label}`);
    expect(printed).toMatch(/1 error in drover\.yaml\. Nothing was applied\.$/);
    expect(lspOf(d).range.start).toEqual({ line: d.line - 1, character: d.column - 1 });
  });
});

/** Every one-letter slip a hand makes: a letter left out, doubled, or swapped with the next, or the neighbour key. */
function slips(word: string): string[] {
  const out = new Set<string>();
  for (let i = 0; i < word.length; i++) {
    out.add(word.slice(0, i) + word.slice(i + 1));
    out.add(word.slice(0, i + 1) + word.slice(i));
    if (i + 1 < word.length) out.add(word.slice(0, i) + word.charAt(i + 1) + word.charAt(i) + word.slice(i + 2));
    out.add(`${word.slice(0, i)}x${word.slice(i + 1)}`);
  }
  out.delete(word);
  return [...out].filter((w) => /^[a-z]/.test(w));
}

describe('did you mean', () => {
  it('is right for at least 95 % of one-letter slips in keys', () => {
    const keys = [...good.matchAll(/^ *(?:- )?([a-z_]{3,}):/gm)].map((m) => ({ key: m[1] ?? '', at: (m.index ?? 0) + m[0].lastIndexOf(m[1] ?? '') }));
    const names = new Set(['web', 'ops', 'rps', 'edge', 'prom', 'am', 'metal', 'cpu']);
    let right = 0;
    const wrong: string[] = [];
    for (const { key, at } of keys) {
      if (names.has(key)) continue;
      for (const slip of slips(key)) {
        const text = `${good.slice(0, at)}${slip}${good.slice(at + key.length)}`;
        const found = diagnosticsOf(text);
        if (found.length === 1 && found[0]?.suggestion === key) right++;
        else wrong.push(`${key} → ${slip}: ${found.map((d) => `${d.code} ${d.message} (${d.suggestion ?? '-'})`).join(' | ')}`);
      }
    }
    expect(right + wrong.length).toBeGreaterThan(500);
    expect(wrong.length / (right + wrong.length), wrong.slice(0, 30).join('\n')).toBeLessThanOrEqual(0.05);
  });
});
