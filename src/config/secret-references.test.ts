import { describe, expect, it } from 'vitest';
import { diagnosticsOf, fileAround } from '../../test/typo/manifests.ts';
import { readYaml } from './read.ts';
import { secretReferences } from './secret-references.ts';

const FILE = `version: 1
server: { secrets_key: { file: ./not-a-secret } }
receivers:
  signed: { format: generic, auth: { hmac: { secret: in-the-open } } }
  kept: { format: generic, auth: { hmac: { secret: { secret: four } } } }
  am: { format: alertmanager, auth: { bearer: [{ file: ./one }, { env: TWO }] } }
clouds:
  env: { type: exec, env: { file: plain-text, TOKEN: { file: ./three } } }
  one: { type: exec, env: { file: plain-text } }
groups: {}
`;

describe('references to secrets', () => {
  it('are found wherever they stand, and nothing else is taken for one', () => {
    const { root } = readYaml(FILE, 'drover.yaml');
    if (root === null) throw new Error('not read');
    expect(secretReferences(root).map(({ ref, path }) => ({ ...ref, path }))).toEqual([
      { secret: 'four', path: 'receivers.kept.auth.hmac.secret' },
      { file: './one', path: 'receivers.am.auth.bearer.0' },
      { env: 'TWO', path: 'receivers.am.auth.bearer.1' },
      { file: './three', path: 'clouds.env.env.TOKEN' },
    ]);
  });

  it('to a missing file or one that everybody reads are warned of, each at its place', () => {
    const text = `receivers: { am: { format: alertmanager, auth: { bearer: [{ file: ./gone }, { file: ./open }, { file: ./good }] } } }\n${fileAround('max: 10')}`;
    const found = diagnosticsOf(
      text,
      (path) => path !== './gone',
      (path) => path === './open',
    ).filter((d) => d.code === 'W0205');
    expect(found.map((d) => `${d.severity} ${d.line} ${d.message}`)).toEqual([
      'warning 1 the secret file `./gone` is not there',
      'warning 1 the secret file `./open` is readable by every user of this machine; it will be refused',
    ]);
    expect(found[1]?.help).toBe('run: chmod o= ./open');
    expect(diagnosticsOf(text).filter((d) => d.code === 'W0205')).toEqual([]);
  });
});
