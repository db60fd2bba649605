/** The part of `fetch` that a stream of events needs, over Node's own client: no limit on the whole, but none waits for ever in silence. */
import { type IncomingMessage, request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import type { FetchLike } from '../api/client.ts';
import { unreachable } from './plain-http.ts';

const MAX_ERROR_CHARS = 1_048_576;

/** `ca`: PEM of the authority to trust. `silenceMs`: silence after which the connection is given up. */
export function createStreamFetch(options: { readonly ca: string | null; readonly silenceMs: number }): FetchLike {
  return async (address, init) => {
    const url = new URL(address);
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
    const send = url.protocol === 'https:' ? requestHttps : requestHttp;
    const more = { ...(init.signal ? { signal: init.signal } : {}), ...(options.ca === null ? {} : { ca: options.ca }) };
    const request = send(url, { headers: init.headers, agent: false, ...more }, resolve);
    request.on('error', (e) => reject(unreachable(url, e)));
    request.setTimeout(options.silenceMs, () => request.destroy(Object.assign(new Error('silent for too long'), { code: 'ETIMEDOUT' })));
    request.end();
    const response = await promise;
    return {
      status: response.statusCode ?? 0,
      headers: {
        get: (name) => {
          const value = response.headers[name.toLowerCase()];
          return value === undefined ? null : String(value);
        },
      },
      body: chunksOf(response, url),
      text: async () => {
        let text = '';
        for await (const chunk of response) {
          text += String(chunk);
          if (text.length > MAX_ERROR_CHARS) break;
        }
        return text;
      },
    };
  };
}

async function* chunksOf(response: IncomingMessage, url: URL): AsyncGenerator<Uint8Array> {
  try {
    for await (const chunk of response) yield chunk as Uint8Array;
  } catch (e) {
    throw unreachable(url, e);
  }
}
