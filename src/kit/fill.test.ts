import { expect, it } from 'vitest';
import { explainFields, fieldsIn, fill, fillArgv } from './fill.ts';

const fields = { ip: '10.0.0.1', id: 'a/b', port: null, odd: '{{ip}}$&', dash: '-x' };

it('fills in one pass, literally', () => {
  expect(fill('http://{{ip}}:80/{{ ip }}', fields)).toBe('http://10.0.0.1:80/10.0.0.1');
  expect(fill('{{odd}} {{id}} {ip} {{IP}}', fields)).toBe('{{ip}}$& a/b {ip} {{IP}}');
  expect(fill('{{id}}', fields, encodeURIComponent)).toBe('a%2Fb');
});

it('refuses fields that are unknown or without a value', () => {
  expect(() => fill('{{nope}}', fields)).toThrow('there is no field {{nope}}');
  expect(() => fill('{{port}}', fields)).toThrow('{{port}} has no value');
  expect(() => fill('{{constructor}}', fields)).toThrow('there is no field');
  expect(explainFields('{{ip}} {{nope}}', ['ip'])).toBe('has no field {{nope}}; the fields are {{ip}}');
  expect(explainFields('{{ip}}', ['ip'])).toBeNull();
  expect(fieldsIn('{{a}} {{ b_c }} {{D}}')).toEqual(['a', 'b_c']);
});

it('keeps arguments apart and refuses values that would be options', () => {
  expect(fillArgv(['x', '--id={{dash}}', 'a {{id}} b', '-v'], fields)).toEqual(['x', '--id=-x', 'a a/b b', '-v']);
  expect(() => fillArgv(['{{dash}}'], fields)).toThrow('begins with "-"');
  expect(() => fillArgv(['{{id}}'], { id: 'a\0b' })).toThrow('NUL');
});
