/** One request through the proxy: chosen member, streamed both ways, once more elsewhere when nothing of an answer was sent. */
import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http';
import type { Dispatcher } from 'undici';
import type { Figures } from './figures.ts';
import type { Members, ProxyMember } from './members.ts';

/** Meant for one connection only (RFC 9110, 7.6.1); `expect` is answered by our own server. */
const HOP_BY_HOP = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'expect',
]);

export function forward(request: IncomingMessage, response: ServerResponse, members: Members, figures: Figures): void {
  figures.received();
  new Exchange(request, response, members, figures).tryMember(null);
}

class Exchange implements Dispatcher.DispatchHandler {
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #members: Members;
  readonly #figures: Figures;
  readonly #startMs = performance.now();
  readonly #hasBody: boolean;
  #controller: Dispatcher.DispatchController | null = null;
  #member: ProxyMember | null = null;
  #tries = 0;
  #over = false;

  constructor(request: IncomingMessage, response: ServerResponse, members: Members, figures: Figures) {
    this.#request = request;
    this.#response = response;
    this.#members = members;
    this.#figures = figures;
    this.#hasBody = request.headers['transfer-encoding'] !== undefined || Number(request.headers['content-length'] ?? 0) > 0;
    // The client went away: neither its member nor we have to finish. Not a failure of ours.
    response.once('close', () => {
      if (response.writableFinished) return;
      this.#over = true;
      this.#controller?.abort(new Error('the client went away'));
    });
  }

  tryMember(not: ProxyMember | null): void {
    const member = this.#members.choose(not);
    if (member === null) {
      this.#refuse(not === null ? 503 : 502, not === null ? 'no member is ready' : 'the member did not answer');
      return;
    }
    this.#tries++;
    this.#member = member;
    member.sessions++;
    member.requests++;
    const { method = 'GET', url = '/' } = this.#request;
    try {
      member.pool.dispatch({ path: url, method, headers: this.#forwardHeaders(), body: this.#hasBody ? this.#request : null }, this);
    } catch (e) {
      this.onResponseError(null, e as Error);
    }
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#over) controller.abort(new Error('the client went away'));
  }

  onResponseStart(_: Dispatcher.DispatchController, status: number, headers: OutgoingHttpHeaders): void {
    if (status < 200 || this.#over) return;
    const passed: OutgoingHttpHeaders = {};
    for (const [name, value] of Object.entries(headers)) if (!HOP_BY_HOP.has(name)) passed[name] = value;
    this.#response.writeHead(status, passed);
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#over || this.#response.write(chunk)) return;
    controller.pause();
    this.#response.once('drain', () => controller.resume());
  }

  onResponseEnd(): void {
    this.#release();
    if (this.#over) return;
    this.#over = true;
    this.#figures.answered(this.#response.statusCode, performance.now() - this.#startMs);
    this.#response.end();
  }

  onResponseError(_: Dispatcher.DispatchController | null, error: Error): void {
    const member = this.#member;
    this.#release();
    if (this.#over) return;
    const code = 'code' in error ? String(error.code) : '';
    if (/^(ECONNREFUSED|EHOSTUNREACH|ENETUNREACH|ETIMEDOUT|UND_ERR_CONNECT_TIMEOUT)$/.test(code)) member?.suspect();
    if (this.#response.headersSent) {
      this.#over = true;
      this.#figures.failed();
      this.#response.destroy(); // the client sees that the answer is not whole
      return;
    }
    const late = code === 'UND_ERR_HEADERS_TIMEOUT';
    const repeatable = (this.#request.method === 'GET' || this.#request.method === 'HEAD') && !this.#hasBody;
    if (!repeatable || late || this.#tries > 1) {
      this.#refuse(late ? 504 : 502, 'the member did not answer');
    } else {
      this.#figures.retried();
      this.tryMember(member);
    }
  }

  #release(): void {
    if (this.#member) this.#member.sessions--;
    this.#member = null;
    this.#controller = null;
  }

  #refuse(status: number, why: string): void {
    this.#over = true;
    this.#figures.failed();
    // What is left of a request body would be taken for the next request.
    const headers = { 'content-type': 'text/plain', ...(this.#request.complete ? {} : { connection: 'close' }) };
    this.#response.writeHead(status, headers).end(`${why}\n`);
  }

  #forwardHeaders(): string[] {
    const { rawHeaders, headers, socket } = this.#request;
    const named = new Set((headers.connection ?? '').split(',').map((name) => name.trim().toLowerCase()));
    const passed: string[] = [];
    for (let i = 0; i < rawHeaders.length; i += 2) {
      const name = (rawHeaders[i] ?? '').toLowerCase();
      if (HOP_BY_HOP.has(name) || named.has(name) || name === 'x-forwarded-for') continue;
      passed.push(name, rawHeaders[i + 1] ?? '');
    }
    const from = socket.remoteAddress ?? 'unknown';
    const before = headers['x-forwarded-for'];
    passed.push('x-forwarded-for', before === undefined ? from : `${before}, ${from}`);
    return passed;
  }
}
