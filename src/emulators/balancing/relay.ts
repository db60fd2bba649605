/** One TCP connection through a balancer: bytes both ways, each direction ended on its own, as slow as the slower side. */
import { connect, type Socket } from 'node:net';
import type { Backend, Backends } from './backends.ts';
import type { Figures } from './figures.ts';

const CONNECT_TIMEOUT_MS = 2000;
/** Without a byte in either direction. */
const IDLE_MS = 5 * 60_000;

/** `client`: accepted with `allowHalfOpen` and paused, so that nothing is read before a backend is there to take it. */
export function relay(client: Socket, backends: Backends, figures: Figures): void {
  figures.received();
  const startMs = performance.now();
  // What goes wrong while a backend is looked for; `join` has listeners of its own.
  client.on('error', () => {});
  const from = client.remoteAddress ?? 'unknown';
  const attempt = (not: Backend | null): void => {
    const backend = backends.choose(from, null, not);
    if (backend === null) {
      figures.failed();
      client.destroy();
      return;
    }
    backend.sessions++;
    backend.requests++;
    const server = connect({ host: backend.spec.address, port: backend.spec.port, allowHalfOpen: true });
    server.setTimeout(CONNECT_TIMEOUT_MS, () => server.destroy(new Error('timed out')));
    const left = () => server.destroy();
    client.once('close', left);
    server.once('close', () => {
      backend.sessions--;
      client.off('close', left);
    });
    const refused = () => {
      if (client.destroyed) return;
      backend.saw('unreachable');
      if (not === null) {
        figures.retried();
        attempt(backend);
      } else {
        figures.failed();
        client.destroy();
      }
    };
    server.once('error', refused);
    server.once('connect', () => {
      server.off('error', refused);
      join(client, server, (whole) => {
        backend.saw(whole ? 'served' : 'error');
        if (whole) figures.answered(200, performance.now() - startMs);
        else figures.failed();
      });
    });
  };
  attempt(null);
}

/** `over` is called once: whether the backend's side ended properly. A client that goes away is no failure. */
function join(client: Socket, server: Socket, over: (whole: boolean) => void): void {
  let told = false;
  const tell = (whole: boolean) => {
    if (!told) over(whole);
    told = true;
  };
  server.removeAllListeners('timeout');
  for (const socket of [client, server]) {
    socket.setTimeout(IDLE_MS, () => {
      tell(true);
      client.destroy();
      server.destroy();
    });
  }
  client.on('error', () => {
    tell(true);
    server.destroy();
  });
  server.on('error', () => {
    tell(false);
    client.resetAndDestroy();
  });
  client.once('close', () => {
    tell(true);
    server.destroy();
  });
  server.once('close', () => tell(true));
  // `pipe` waits for the slower side and passes the end of each direction on.
  client.pipe(server);
  server.pipe(client);
}
