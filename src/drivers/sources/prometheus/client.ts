import { readCa } from '../../../kit/ca-option.ts';
import { durationMs } from '../../../kit/duration-text.ts';
import { credentials } from '../../../kit/http-auth.ts';
import { httpJson } from '../../../kit/http-json.ts';
import { parseJson } from '../../../kit/parse-json.ts';
import { joinUrl } from '../../../kit/url-option.ts';
import type { DriverPorts } from '../../../ports/driver.ts';
import type { PrometheusOptions } from './options.ts';
import { answer, errorAnswer, type PrometheusAnswer } from './replies.ts';

export interface PrometheusClient {
  /** `POST /api/v1/query`, evaluated now. Throws DriverError. */
  instant(query: string, signal: AbortSignal): Promise<PrometheusAnswer>;
  /** `POST /api/v1/query_range`; at most 11,000 points a series. Throws DriverError. */
  range(query: string, range: { readonly fromMs: number; readonly toMs: number; readonly stepMs: number }, signal: AbortSignal): Promise<PrometheusAnswer>;
}

export function openClient(options: PrometheusOptions, ports: DriverPorts): PrometheusClient {
  const timeoutMs = durationMs(options.timeout);
  const post = async (path: string, form: Readonly<Record<string, string>>, signal: AbortSignal): Promise<PrometheusAnswer> => {
    const { headers, redact } = await credentials(options, ports.secrets);
    const reply = await httpJson(ports, {
      // POST: a long query does not fit into a URL. It changes nothing, so it may be repeated.
      method: 'POST',
      url: joinUrl(options.url, path),
      headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
      body: formOf({ ...form, timeout: `${timeoutMs}ms` }),
      timeoutMs,
      retry: { attempts: 2, totalMs: timeoutMs },
      ca: await readCa(options.ca, ports),
      who: 'Prometheus',
      explain,
      redact,
      signal,
      schema: answer,
    });
    return reply.body;
  };
  return {
    instant: (query, signal) => post('/api/v1/query', { query }, signal),
    range: (query, { fromMs, toMs, stepMs }, signal) =>
      post('/api/v1/query_range', { query, start: String(fromMs / 1000), end: String(toMs / 1000), step: String(stepMs / 1000) }, signal),
  };
}

function formOf(fields: Readonly<Record<string, string>>): string {
  return Object.entries(fields)
    .map(([name, value]) => `${name}=${encodeURIComponent(value)}`)
    .join('&');
}

/** `bad_data: invalid parameter "query": 1:4: parse error: …` */
function explain(body: string): string | null {
  const parsed = parseJson(body);
  const error = errorAnswer.safeParse(parsed.ok ? parsed.value : null);
  return error.success ? `${error.data.errorType}: ${error.data.error}` : null;
}
