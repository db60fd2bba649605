/** The HTTP of a short command: Node's own client, which is there sooner than the pooled one of the controller. One exchange a connection. */
import { type IncomingMessage, request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { type Clock, DriverError, type Http, type HttpRequest, type HttpResponse, realClock } from '../app/cli-parts.ts';

/** Same promises as the port: `unreachable` for no complete answer in time, `bad-reply` for one that is too large. */
export function createPlainHttp(clock: Clock = realClock): Http {
  return { request: (request) => exchange(request, clock) };
}

async function exchange(request: HttpRequest, clock: Clock): Promise<HttpResponse> {
  const url = URL.parse(request.url);
  if (url === null) throw new DriverError('bad-request', 'the URL is not an http or https URL');
  const late = new AbortController();
  const cancel = clock.after(request.timeoutMs, () => late.abort());
  const signal = request.signal === undefined ? late.signal : AbortSignal.any([late.signal, request.signal]);
  try {
    const response = await open(url, request, signal);
    const chunks: Buffer[] = [];
    let bytes = 0;
    for await (const chunk of response as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes > request.maxBytes) throw new DriverError('bad-reply', `the answer of ${url.origin} is larger than ${request.maxBytes} bytes`);
      chunks.push(chunk);
    }
    if (!response.complete) throw new DriverError('unreachable', `the answer of ${url.origin} was cut off`);
    const headers = Object.entries(response.headers).flatMap(([name, value]) => (value === undefined ? [] : [[name, String(value)] as const]));
    return { status: response.statusCode ?? 0, headers: Object.fromEntries(headers), body: Buffer.concat(chunks, bytes) };
  } catch (e) {
    if (e instanceof DriverError) throw e;
    if (late.signal.aborted) throw new DriverError('unreachable', `no complete answer from ${url.origin} within ${request.timeoutMs} ms`, { cause: e });
    throw unreachable(url, e);
  } finally {
    cancel();
  }
}

function open(url: URL, request: HttpRequest, signal: AbortSignal): Promise<IncomingMessage> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const send = url.protocol === 'https:' ? requestHttps : requestHttp;
  const options = {
    method: request.method,
    headers: { ...request.headers },
    agent: false as const,
    signal,
    ...(request.ca === undefined ? {} : { ca: request.ca }),
  };
  send(url, options, resolve).on('error', reject).end(request.body);
  return promise;
}

/** In words, without path and query. */
export function unreachable(url: URL, e: unknown): DriverError {
  const code = (e as NodeJS.ErrnoException).code ?? '';
  if (/CERT|SIGNED|ALTNAME|ERR_SSL|ERR_TLS/.test(code)) {
    return new DriverError('unreachable', `the certificate of ${url.origin} is not trusted (${code})`, { definite: true, cause: e });
  }
  if (code.startsWith('HPE_')) return new DriverError('bad-reply', `${url.origin} does not speak HTTP`, { cause: e });
  return new DriverError('unreachable', `cannot reach ${url.origin}${code === '' ? '' : ` (${code})`}`, { cause: e });
}
