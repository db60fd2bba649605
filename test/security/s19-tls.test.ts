import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createHttp } from '../../src/platform/http.ts';
import { describeWith, find } from '../support/real.ts';
import { configOf, startReal, tempDir } from './support.ts';

interface Issued {
  readonly key: string;
  readonly cert: string;
}

describeWith(['openssl'], 'S19 servers whose certificate does not hold', () => {
  const dir = mkdtempSync(join(tmpdir(), 'drover-tls-'));
  const servers: Server[] = [];
  const http = createHttp();
  const issue = (name: string, more: readonly string[]): Issued => {
    const [key, cert] = [join(dir, `${name}.key`), join(dir, `${name}.pem`)];
    const args = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-subj', `/CN=${name}`, ...more];
    execFileSync(find('openssl') ?? 'openssl', [...args, '-keyout', key, '-out', cert], { stdio: 'ignore' });
    return { key: readFileSync(key, 'utf8'), cert: readFileSync(cert, 'utf8') };
  };
  /** The same key under a certificate that ended yesterday. */
  const expire = ({ key }: Issued): Issued => {
    const [request, extension, cert] = ['expired.csr', 'expired.ext', 'expired.pem'].map((name) => join(dir, name)) as [string, string, string];
    writeFileSync(extension, 'subjectAltName=IP:127.0.0.1\n');
    const openssl = (...args: string[]) => execFileSync(find('openssl') ?? 'openssl', args, { stdio: 'ignore' });
    openssl('req', '-new', '-key', join(dir, 'stale.key'), '-subj', '/CN=stale', '-out', request);
    openssl('x509', '-req', '-in', request, '-signkey', join(dir, 'stale.key'), '-days', '-1', '-extfile', extension, '-out', cert);
    return { key, cert: readFileSync(cert, 'utf8') };
  };
  const serve = async (issued: Issued): Promise<string> => {
    const server = createServer(issued, (_, reply) => void reply.end('{"v":1}'));
    servers.push(server);
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    return `https://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  };
  const get = (url: string, ca?: string) => http.request({ method: 'GET', url, timeoutMs: 5000, maxBytes: 1000, ...(ca === undefined ? {} : { ca }) });
  let self: Issued;
  let foreign: Issued;
  let stale: Issued;

  beforeAll(() => {
    self = issue('self', ['-days', '2', '-addext', 'subjectAltName=IP:127.0.0.1']);
    foreign = issue('foreign', ['-days', '2', '-addext', 'subjectAltName=DNS:elsewhere.example']);
    stale = expire(issue('stale', ['-days', '2']));
  });
  afterAll(async () => {
    for (const server of servers) server.close();
    await http.close();
    rmSync(dir, { recursive: true, force: true });
  });

  it('self-signed: refused, and trusted only by whom it is named to', async () => {
    const url = await serve(self);
    await expect(get(url)).rejects.toMatchObject({ code: 'unreachable', definite: true, message: expect.stringContaining('not trusted') });
    expect((await get(url, self.cert)).status).toBe(200);
    // What one call trusts, the next does not.
    await expect(get(url)).rejects.toMatchObject({ code: 'unreachable' });
    await expect(get(url, foreign.cert)).rejects.toMatchObject({ code: 'unreachable' });
  });

  it('of another name: refused, even by who trusts its authority', async () => {
    const url = await serve(foreign);
    await expect(get(url, foreign.cert)).rejects.toMatchObject({ code: 'unreachable', message: expect.stringContaining('ALTNAME') });
  });

  it('expired: refused, even by who trusts its authority', async () => {
    const url = await serve(stale);
    await expect(get(url, stale.cert)).rejects.toMatchObject({ code: 'unreachable', message: expect.stringContaining('CERT_HAS_EXPIRED') });
  });

  it('NODE_TLS_REJECT_UNAUTHORIZED=0 refuses to start, and would not have loosened a call', async () => {
    const url = await serve(self);
    const before = process.env['NODE_TLS_REJECT_UNAUTHORIZED'];
    process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0';
    try {
      const text = configOf('  web: { cloud: local, template: { command: [sleep, "600"] }, health: none, min: 0, max: 1 }\n');
      await expect(startReal(text)).rejects.toThrow(/NODE_TLS_REJECT_UNAUTHORIZED/);
      const loosened = createHttp();
      await expect(loosened.request({ method: 'GET', url, timeoutMs: 5000, maxBytes: 1000 })).rejects.toMatchObject({ code: 'unreachable' });
      await loosened.close();
      // The program itself says so, and ends.
      const home = tempDir();
      writeFileSync(join(home, 'drover.yaml'), text);
      const bin = new URL('../../bin/drover.mjs', import.meta.url).pathname;
      const run = () => execFileSync(process.execPath, ['--no-warnings', bin, 'serve', 'drover.yaml'], { cwd: home, stdio: 'pipe', timeout: 30_000 });
      expect(run).toThrow(/NODE_TLS_REJECT_UNAUTHORIZED=0 switches the check of certificates off/);
    } finally {
      if (before === undefined) delete process.env['NODE_TLS_REJECT_UNAUTHORIZED'];
      else process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = before;
    }
  });
});
