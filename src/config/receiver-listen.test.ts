import { describe, expect, it } from 'vitest';
import { diagnosticsOf, load } from '../../test/typo/manifests.ts';

const file = (receivers: string, server = ''): string =>
  `version: 1\nserver: { listen: '127.0.0.1:8470'${server} }\nreceivers:\n${receivers}groups:\n  web: { cloud: local, template: { command: ['./web'] }, min: 2, max: 10 }\n`;
const am = (more: string): string => `  am: { format: alertmanager, ${more} }\n`;
const codes = (text: string): string[] =>
  diagnosticsOf(text)
    .map((d) => d.code)
    .filter((code) => code.startsWith('E'));

describe('a receiver with an address of its own', () => {
  it('is read', () => {
    const read = load(file(am("auth: none, listen: '127.0.0.1:23222'")));
    expect(read.ok && read.config.receivers['am']).toEqual({
      format: 'alertmanager',
      options: {},
      auth: 'none',
      listen: { host: '127.0.0.1', port: 23222 },
    });
    const six = load(file(am("listen: '[::1]:23222'")));
    expect(six.ok && six.config.receivers['am']?.listen).toEqual({ host: '::1', port: 23222 });
  });

  it.each([
    ["auth: none, listen: '0.0.0.0:23222'", ', insecure_http: true', ['E0112']],
    ["auth: none, listen: ':23222'", ', insecure_http: true', ['E0112']],
    ["listen: '0.0.0.0:23222'", '', ['E0113']],
    ["listen: '0.0.0.0:23222'", ', insecure_http: true', []],
    ["listen: '127.0.0.1:8470'", '', ['E0120']],
    ["listen: '0.0.0.0:8470'", ', insecure_http: true', ['E0120']],
    ["listen: '127.0.0.2:8470'", '', []],
    ["listen: 'x'", '', ['E0016']],
  ])('%s%s: %j', (own, server, expected) => expect(codes(file(am(own), server))).toEqual(expected));

  it('shares it with no other receiver', () => {
    expect(codes(file(`${am("listen: '127.0.0.1:1234'")}  other: { format: alertmanager, listen: '127.0.0.1:1234' }\n`))).toEqual(['E0120']);
    expect(codes(file(`${am("listen: '127.0.0.1:0'")}  other: { format: alertmanager, listen: '127.0.0.1:0' }\n`))).toEqual([]);
  });
});
