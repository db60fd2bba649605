/** One connection, bytes in, bytes out: for what no HTTP client would send. */
import { connect } from 'node:net';

/** Sends `text`, reads until the other side closes or `until` matches what came. */
export function exchange(port: number, text: string, until: RegExp = /$^/, timeoutMs = 15_000): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const socket = connect({ host: '127.0.0.1', port }, () => socket.write(text));
  const timer = setTimeout(() => {
    socket.destroy();
    reject(new Error(`no end of the answer; so far: ${got}`));
  }, timeoutMs);
  let got = '';
  const end = () => {
    clearTimeout(timer);
    socket.destroy();
    resolve(got);
  };
  socket.setEncoding('utf8');
  socket.on('data', (chunk) => {
    got += chunk;
    if (until.test(got)) end();
  });
  socket.on('close', end);
  socket.on('error', end);
  return promise;
}
