/** One request through a balancer: chosen backend, streamed both ways, once more elsewhere when nothing of an answer was sent. */
import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http';
import type { Dispatcher, Pool } from 'undici';
import type { Outcome } from './backends.ts';
import type { Figures } from './figures.ts';

/** A backend, as far as requests go. */
export interface Target {
  readonly pool: Pool;
  sessions: number;
  requests: number;
  saw(outcome: Outcome): void;
}

export interface Router<T extends Target> {
  /** `not`: already tried. Null: nobody may have it. */
  choose(request: IncomingMessage, not: T | null): T | null;
  /** A cookie to give to the client with an answer of `target`, or null. */
  cookie?(request: IncomingMessage, target: T): string | null;
  /** Backends are told the protocol of the client in X-Forwarded-Proto; what the client says of it is dropped. */
  readonly tellsProtocol?: boolean;
}

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

export function forward<T extends Target>(request: IncomingMessage, response: ServerResponse, router: Router<T>, figures: Figures): void {
  figures.received();
  new Exchange(request, response, router, figures).tryTarget(null);
}

class Exchange<T extends Target> implements Dispatcher.DispatchHandler {
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #router: Router<T>;
  readonly #figures: Figures;
  readonly #startMs = performance.now();
  readonly #hasBody: boolean;
  #controller: Dispatcher.DispatchController | null = null;
  #target: T | null = null;
  #tries = 0;
  #over = false;

  constructor(request: IncomingMessage, response: ServerResponse, router: Router<T>, figures: Figures) {
    this.#request = request;
    this.#response = response;
    this.#router = router;
    this.#figures = figures;
    this.#hasBody = request.headers['transfer-encoding'] !== undefined || Number(request.headers['content-length'] ?? 0) > 0;
    // The client went away: neither its backend nor we have to finish. Not a failure of ours.
    response.once('close', () => {
      if (response.writableFinished) return;
      this.#over = true;
      this.#controller?.abort(new Error('the client went away'));
    });
  }

  tryTarget(not: T | null): void {
    const target = this.#router.choose(this.#request, not);
    if (target === null) {
      this.#refuse(not === null ? 503 : 502, not === null ? 'no member is ready' : 'the member did not answer');
      return;
    }
    this.#tries++;
    this.#target = target;
    target.sessions++;
    target.requests++;
    const { method = 'GET', url = '/' } = this.#request;
    try {
      target.pool.dispatch({ path: url, method, headers: this.#forwardHeaders(), body: this.#hasBody ? this.#request : null }, this);
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
    const cookie = this.#target === null ? null : (this.#router.cookie?.(this.#request, this.#target) ?? null);
    if (cookie !== null) passed['set-cookie'] = [...[passed['set-cookie'] ?? []].flat().map(String), cookie];
    this.#response.writeHead(status, passed);
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#over || this.#response.write(chunk)) return;
    controller.pause();
    this.#response.once('drain', () => controller.resume());
  }

  onResponseEnd(): void {
    const target = this.#target;
    this.#release();
    if (this.#over) return;
    target?.saw(this.#response.statusCode >= 500 ? 'answer 5xx' : 'served');
    this.#over = true;
    this.#figures.answered(this.#response.statusCode, performance.now() - this.#startMs);
    this.#response.end();
  }

  onResponseError(_: Dispatcher.DispatchController | null, error: Error): void {
    const target = this.#target;
    this.#release();
    if (this.#over) return;
    const code = 'code' in error ? String(error.code) : '';
    target?.saw(/^(ECONNREFUSED|EHOSTUNREACH|ENETUNREACH|ETIMEDOUT|UND_ERR_CONNECT_TIMEOUT)$/.test(code) ? 'unreachable' : 'error');
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
      this.tryTarget(target);
    }
  }

  #release(): void {
    if (this.#target) this.#target.sessions--;
    this.#target = null;
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
      if (name === 'x-forwarded-proto' && this.#router.tellsProtocol) continue;
      passed.push(name, rawHeaders[i + 1] ?? '');
    }
    const from = socket.remoteAddress ?? 'unknown';
    const before = headers['x-forwarded-for'];
    passed.push('x-forwarded-for', before === undefined ? from : `${before}, ${from}`);
    if (this.#router.tellsProtocol) passed.push('x-forwarded-proto', 'http');
    return passed;
  }
}
