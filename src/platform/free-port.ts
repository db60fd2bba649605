import { createServer, type ListenOptions, type Server } from 'node:net';

/**
 * Below those that the kernel gives to whoever asks for any port: nobody else gets one of these while its daemon is not up yet, or is restarted. And above 10080, the last
 * port that `fetch` will not call (https://fetch.spec.whatwg.org/#port-blocking): who got it could listen there and never be reached.
 */
export const FIRST_PORT = 11_000;
export const LAST_PORT = 19_999;

/**
 * A port that no one else has or gets until this process ends. Two askers at once must never be given the same one: HAProxy shares
 * a port with another HAProxy (and with a second frontend of its own) without a word, and each gets some of the requests.
 */
export async function freePort(): Promise<number> {
  for (let tries = 0; tries < 1000; tries++) {
    const port = FIRST_PORT + Math.floor(Math.random() * (LAST_PORT - FIRST_PORT + 1));
    // The kernel's own register of who took which: a name that only one socket can have, given back when the process ends.
    const claim = await listen({ path: `\0drover-port-${port}` });
    if (claim === null) continue;
    claim.unref();
    const probe = await listen({ port, host: '127.0.0.1' });
    if (probe === null) continue;
    await new Promise((done) => probe.close(done));
    return port;
  }
  throw new Error(`found no free port from ${FIRST_PORT} to ${LAST_PORT}`);
}

/** Null: somebody has it. */
async function listen(at: ListenOptions): Promise<Server | null> {
  const server = createServer();
  return await new Promise((resolve, reject) => {
    server.once('error', (e: NodeJS.ErrnoException) => (e.code === 'EADDRINUSE' ? resolve(null) : reject(e)));
    server.listen(at, () => resolve(server));
  });
}
