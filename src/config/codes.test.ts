import { describe, expect, it } from 'vitest';
import { diagnosticsOf, fileAround } from '../../test/typo/manifests.ts';
import { CODES, ERROR_CODES, explainCode } from './codes.ts';

/** Of all files only the secret that the file around the examples refers to. */
const noFiles = (path: string): boolean => path === '/run/secrets/slack';

describe('error codes', () => {
  it.each(ERROR_CODES)('%s: its wrong example has it and nothing else, its right one does not', (code) => {
    const info = CODES[code];
    const around = (text: string): string => (info.where === 'file' ? text : fileAround(text));
    const wrong = diagnosticsOf(around(info.wrong), noFiles).filter((d) => code === 'W0202' || d.code !== 'W0202');
    expect(wrong.map((d) => `${d.code} ${d.line}:${d.column} ${d.message}`)).toEqual([expect.stringMatching(new RegExp(`^${code} `))]);
    expect(wrong[0]?.severity).toBe(info.severity);
    const right = diagnosticsOf(around(info.right), noFiles).filter((d) => d.code === code || d.severity === 'error');
    expect(right.map((d) => `${d.code} ${d.message}`)).toEqual([]);
  });

  it('explains a code in any case, and says nothing of others', () => {
    expect(explainCode('e0104')?.title).toBe('min is larger than max');
    expect(explainCode('E9999')).toBeNull();
    expect(explainCode('__proto__')).toBeNull();
    for (const code of ERROR_CODES) expect(CODES[code].explanation.length).toBeGreaterThan(40);
  });
});
