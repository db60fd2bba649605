import { connect, Socket } from 'node:net';
import { DriverError } from '../ports/errors.ts';
import type { Sockets, SocketTarget } from '../ports/sockets.ts';
import type { AddressGuard } from './address-guard.ts';

function open(target: SocketTarget, guard: AddressGuard | undefined): Socket {
  if ('path' in target) return connect({ path: target.path });
  const refusal = guard?.refusal(target.host) ?? null;
  // As one that could not be connected: the caller hears of it by its events.
  if (refusal !== null) return new Socket().destroy(refusal);
  return connect({ host: target.host, port: target.port, ...(guard === undefined ? {} : { lookup: guard.lookup }) });
}

function nameOf(target: SocketTarget): string {
  if ('path' in target) return target.path;
  return target.host.includes(':') ? `[${target.host}]:${target.port}` : `${target.host}:${target.port}`;
}

/** What went wrong, in words an operator can act on. Before the text was written nothing can have changed: definite. */
function explain(error: NodeJS.ErrnoException, name: string, written: boolean): DriverError {
  if (error instanceof DriverError) return error;
  const more = written ? { cause: error } : { cause: error, definite: true };
  if (error.code === 'EACCES' || error.code === 'EPERM') {
    return new DriverError('unauthorized', `${name}: permission denied; let this user read and write the socket`, more);
  }
  const why =
    {
      ECONNREFUSED: 'connection refused; nothing listens there',
      ENOENT: 'no such socket; the program is not running or the path is wrong',
      ENOTFOUND: 'the host name does not resolve',
      ECONNRESET: 'the peer reset the connection',
      EPIPE: 'the peer closed the connection while we wrote',
    }[error.code ?? ''] ?? error.message;
  return new DriverError('unreachable', `${name}: ${why}`, more);
}

function exchange(guard: AddressGuard | undefined, ...[target, text, limits]: Parameters<Sockets['exchange']>): Promise<string> {
  const name = nameOf(target);
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  if (limits.signal?.aborted) {
    reject(new DriverError('unreachable', `${name}: aborted before it began`, { definite: true, cause: limits.signal.reason }));
    return promise;
  }
  const chunks: Buffer[] = [];
  let bytes = 0;
  let written = false;
  const socket = open(target, guard);
  const end = (finish: () => void) => {
    clearTimeout(timer);
    limits.signal?.removeEventListener('abort', abort);
    socket.destroy();
    finish();
  };
  const fail = (message: string, cause?: unknown) =>
    end(() => reject(new DriverError('unreachable', `${name}: ${message}`, written ? { cause } : { cause, definite: true })));
  const abort = () => fail('aborted', limits.signal?.reason);
  // The whole exchange, connect to close: an idle time-out alone would let a slow trickle hold us for ever.
  const timer = setTimeout(() => fail(`no complete answer within ${limits.timeoutMs} ms`), limits.timeoutMs);
  limits.signal?.addEventListener('abort', abort, { once: true });
  socket.on('connect', () => {
    written = true;
    socket.write(text);
  });
  socket.on('data', (chunk) => {
    bytes += chunk.length;
    if (bytes > limits.maxBytes) end(() => reject(new DriverError('bad-reply', `${name}: the answer is longer than ${limits.maxBytes} bytes`)));
    else chunks.push(chunk);
  });
  // `destroy` after the first of end, error and limits makes later ones harmless: a promise settles once.
  socket.on('end', () => end(() => resolve(Buffer.concat(chunks).toString('utf8'))));
  socket.on('error', (error) => end(() => reject(explain(error, name, written))));
  return promise;
}

function canConnect(guard: AddressGuard | undefined, ...[target, timeoutMs]: Parameters<Sockets['canConnect']>): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const socket = open(target, guard);
  const end = (yes: boolean) => {
    clearTimeout(timer);
    socket.destroy();
    resolve(yes);
  };
  const timer = setTimeout(() => end(false), timeoutMs);
  socket.on('connect', () => end(true));
  socket.on('error', () => end(false));
  return promise;
}

/** Plain stream sockets of Node; with a guard they reach only what it lets through. */
export function createSockets(guard?: AddressGuard): Sockets {
  return { exchange: (...call) => exchange(guard, ...call), canConnect: (...call) => canConnect(guard, ...call) };
}

export const realSockets: Sockets = createSockets();
