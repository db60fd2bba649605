/** Ports for whole-product tests, below those the kernel gives to outgoing connections: a client that keeps trying a port whose server was
 *  killed could otherwise be given that very port as its own, and answer itself. */
import { createServer } from 'node:net';

const FIRST = 10_240;
const LAST = 19_999;
const taken = new Set<number>();

/** A port of this range that was free a moment ago; never the same twice in one process. */
export async function lowPort(): Promise<number> {
  for (let tries = 0; tries < 200; tries++) {
    const port = FIRST + Math.floor(Math.random() * (LAST - FIRST + 1));
    if (taken.has(port) || !(await isFree(port))) continue;
    taken.add(port);
    return port;
  }
  throw new Error(`no free port between ${FIRST} and ${LAST}`);
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}
