import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { describeWith } from '../../test/support/real.ts';
import { createPlainHttp } from './plain-http.ts';
import { createStreamFetch } from './stream-fetch.ts';

describeWith(['openssl'], 'TLS of the command line', () => {
  it('takes only an authority that is trusted', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'drover-tls-'));
    const [key, cert] = [join(dir, 'key.pem'), join(dir, 'cert.pem')];
    const subject = ['-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1'];
    execFileSync(
      'openssl',
      ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2', '-keyout', key, '-out', cert, ...subject],
      {
        stdio: 'ignore',
      },
    );
    const ca = readFileSync(cert, 'utf8');
    const server = createServer({ key: readFileSync(key), cert: ca }, (_, res) => void res.end('ok'));
    rmSync(dir, { recursive: true });
    await new Promise<void>((done) => void server.listen(0, '127.0.0.1', done));
    const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const get = (more: object) => createPlainHttp().request({ method: 'GET', url, timeoutMs: 5_000, maxBytes: 100, ...more });
    expect((await get({ ca })).status).toBe(200);
    await expect(get({})).rejects.toMatchObject({ code: 'unreachable', message: expect.stringContaining('not trusted') });
    expect(await (await createStreamFetch({ ca, silenceMs: 1_000 })(url, { headers: {} })).text()).toBe('ok');
    server.closeAllConnections();
    server.close();
  });
});
