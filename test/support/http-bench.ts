/** An HTTP server of a test's own whose behaviour can be changed while it runs. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface SeenRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}
export type Handler = (request: SeenRequest, response: ServerResponse) => void;

export interface HttpBench {
  readonly url: string;
  /** Requests since `clear`. */
  readonly seen: SeenRequest[];
  handle(handler: Handler): Promise<void>;
  /** Nothing listens on the port until the next `handle`. */
  down(): Promise<void>;
  clear(): void;
  close(): Promise<void>;
}

export async function openHttpBench(): Promise<HttpBench> {
  const seen: SeenRequest[] = [];
  let handler: Handler = (_request, response) => response.end();
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('error', () => {});
    response.on('error', () => {});
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const one = { method: request.method ?? '', url: request.url ?? '', headers: request.headers, body: Buffer.concat(chunks).toString() };
      seen.push(one);
      handler(one, response);
    });
  });
  const listen = (port: number) => new Promise<void>((done, fail) => server.once('error', fail).listen(port, '127.0.0.1', done));
  await listen(0);
  const { port } = server.address() as AddressInfo;
  const down = () =>
    new Promise<void>((done) => {
      if (!server.listening) return done();
      server.close(() => done());
      server.closeAllConnections();
    });
  return {
    url: `http://127.0.0.1:${port}`,
    seen,
    async handle(next) {
      handler = next;
      if (!server.listening) await listen(port);
    },
    down,
    clear: () => {
      seen.length = 0;
    },
    close: down,
  };
}

export function answer(status: number, body: string, headers: Record<string, string> = { 'content-type': 'application/json' }): Handler {
  return (_request, response) => {
    response.writeHead(status, headers);
    response.end(body);
  };
}
/** A login page, as a proxy puts it before everything. */
export const answerHtml = answer(200, '<!doctype html><html><body>Please log in</body></html>', { 'content-type': 'text/html' });
/** The first half of `body`, then the connection ends. */
export function answerHalf(body: string): Handler {
  return (_request, response) => {
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(body)) });
    response.write(body.slice(0, Math.floor(body.length / 2)));
    setImmediate(() => response.destroy());
  };
}
/** Text without end. */
export const answerEndless: Handler = (_request, response) => {
  response.writeHead(200, { 'content-type': 'application/json' });
  const block = `"${'x'.repeat(65_536)}",\n`;
  response.write('[');
  const more = (): void => {
    while (!response.destroyed && response.write(block));
    if (!response.destroyed) response.once('drain', more);
  };
  more();
};
export const answerNothing: Handler = () => {};
