import { missing, type Reading } from '../../../core/model/reading.ts';
import { readCa } from '../../../kit/ca-option.ts';
import { durationMs } from '../../../kit/duration-text.ts';
import { credentials } from '../../../kit/http-auth.ts';
import { httpCall, looksLikeHtml } from '../../../kit/http-call.ts';
import { joinUrl } from '../../../kit/url-option.ts';
import type { DriverPorts } from '../../../ports/driver.ts';
import { asDriverError, DriverError } from '../../../ports/errors.ts';
import type { Source } from '../../../ports/source.ts';
import type { HttpSourceOptions, HttpSourceQuery } from './options.ts';
import { readingOfJson, readingOfText } from './translate.ts';

export function openHttpSource(options: HttpSourceOptions, ports: DriverPorts): Source<HttpSourceQuery> {
  return {
    async read(query, signal): Promise<Reading> {
      try {
        const text = await fetchText(options, query, ports, signal);
        return 'json_pointer' in query ? readingOfJson(text, query, ports.clock.wall()) : readingOfText(text, query, ports.clock.wall());
      } catch (e) {
        return missing('source-error', asDriverError(e).message, ports.clock.wall());
      }
    },
  };
}

async function fetchText(options: HttpSourceOptions, query: HttpSourceQuery, ports: DriverPorts, signal: AbortSignal): Promise<string> {
  const { headers, redact } = await credentials(options, ports.secrets);
  const timeoutMs = durationMs(options.timeout);
  const reply = await httpCall(ports, {
    method: 'GET',
    url: query.path === undefined ? options.url : joinUrl(options.url, query.path),
    headers: { accept: 'json_pointer' in query ? 'application/json' : 'text/plain;version=0.0.4', ...headers },
    timeoutMs,
    retry: { attempts: 2, totalMs: timeoutMs },
    ca: await readCa(options.ca, ports),
    redact,
    signal,
  });
  if (looksLikeHtml(reply)) throw new DriverError('bad-reply', 'the answer is an HTML page: is the address right, or does a login page stand before it?');
  return reply.text;
}
