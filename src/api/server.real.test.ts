/** TLS, with a certificate made on the spot. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createApiWorld, createTestClock } from '../../test/support/api-world.ts';
import { describeWith, find } from '../../test/support/real.ts';
import { createHttp } from '../platform/http.ts';
import { createClient } from './client.ts';
import { type Api, createApi } from './server.ts';

describeWith(['openssl'], 'the API over TLS', () => {
  const dir = mkdtempSync(join(tmpdir(), 'drover-api-tls-'));
  const world = createApiWorld(createTestClock());
  let api: Api;
  let at: { url: string; port: number };
  let cert: string;

  beforeAll(async () => {
    const [keyFile, certFile] = [join(dir, 'key.pem'), join(dir, 'cert.pem')];
    const request = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2', '-subj', '/CN=drover test'];
    execFileSync(find('openssl') ?? 'openssl', [...request, '-addext', 'subjectAltName=IP:127.0.0.1', '-keyout', keyFile, '-out', certFile], {
      stdio: 'ignore',
    });
    cert = readFileSync(certFile, 'utf8');
    api = await createApi({ ...world.deps, tls: { cert, key: readFileSync(keyFile, 'utf8') } });
    // With TLS it may be served beyond this machine.
    at = await api.listen({ host: '0.0.0.0', port: 0 });
  });
  afterAll(async () => {
    await api?.close();
    rmSync(dir, { recursive: true });
  });

  it('serves who trusts the certificate, with strict transport security', async () => {
    expect(at.url).toMatch(/^https:/);
    const client = createClient({ url: at.url, token: world.token.viewer, http: createHttp(), ca: cert });
    expect((await client.fleet()).groups).toHaveLength(2);
    const reply = await createHttp().request({ method: 'GET', url: `${at.url}/nothing`, timeoutMs: 5000, maxBytes: 10_000, ca: cert });
    expect([reply.status, reply.headers['strict-transport-security']]).toEqual([404, 'max-age=31536000']);
  });

  it('is refused by who does not', async () => {
    await expect(createClient({ url: at.url, token: world.token.viewer, http: createHttp() }).fleet()).rejects.toMatchObject({ code: 'unreachable' });
  });

  it('speaks no version older than 1.2', async () => {
    const old = connect({ host: '127.0.0.1', port: at.port, ca: cert, minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' });
    const outcome = await new Promise<string>((resolve) => {
      old.once('secureConnect', () => resolve('connected'));
      old.once('error', () => resolve('refused'));
    });
    old.destroy();
    expect(outcome).toBe('refused');
  });
});
