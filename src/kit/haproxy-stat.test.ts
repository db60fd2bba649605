import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseStat, statNumber } from './haproxy-stat.ts';

describe('statistics', () => {
  it('takes columns by name, in any order and number', () => {
    const rows = parseStat('# pxname,svname,new_column,scur,-,\nweb,BACKEND,x,12,,\nweb,"a, ""b""\nc",,3,,\n\n');
    expect(rows).toHaveLength(2);
    expect(rows[0]).toMatchObject({ pxname: 'web', svname: 'BACKEND', new_column: 'x', scur: '12' });
    expect(rows[1]?.['svname']).toBe('a, "b"\nc');
  });

  it.each(['', '<html>', '{"a":1}', 'pxname,svname,\n', '# pxname,svname,scur,\nweb,BACKEND,1', '# pxname,svname,scur,\nweb,BACKEND,1,2,\n'])(
    'refuses %j',
    (text) => {
      expect(() => parseStat(text)).toThrow(expect.objectContaining({ code: 'bad-reply' }));
    },
  );

  it('reads counts and times, and nothing else as one', () => {
    const row = { a: '12', b: '', c: '-1', d: 'x1', e: '1.5', f: '0x10', g: ' 1', h: '1e9' };
    expect(Object.keys(row).map((name) => statNumber(row, name))).toEqual([12, null, null, null, 1.5, null, null, null]);
    expect(statNumber(row, 'none')).toBeNull();
  });

  it('gives back any text that was put in', () => {
    fc.assert(
      fc.property(fc.array(fc.string(), { minLength: 1, maxLength: 8 }), (texts) => {
        const quoted = texts.map((t) => `"${t.replaceAll('"', '""')}"`).join(',');
        const names = texts.map((_, i) => `c${i}`);
        const [row] = parseStat(`# pxname,svname,${names.join(',')},\nweb,x,${quoted},\n`);
        expect(names.map((name) => row?.[name])).toEqual(texts);
      }),
    );
  });
});
