/** A step that is an HTTP request. */
import type { Json } from '../../../core/model/json.ts';
import { readCa } from '../../../kit/ca-option.ts';
import { throwIfAborted } from '../../../kit/command.ts';
import { type Fields, fill } from '../../../kit/fill.ts';
import { hookFields } from '../../../kit/hook-fields.ts';
import { credentials } from '../../../kit/http-auth.ts';
import { codeOfStatus, looksLikeHtml, retryAfterMs } from '../../../kit/http-call.ts';
import { excerpt } from '../../../kit/redact.ts';
import type { DriverPorts } from '../../../ports/driver.ts';
import { DriverError } from '../../../ports/errors.ts';
import type { Hook, HookContext } from '../../../ports/hook.ts';
import type { HttpHookOptions } from './options.ts';
import { fillUrl } from './url.ts';

/** The engine's limit comes by the signal; this one only makes sure that there is one. */
const LONGEST_MS = 48 * 3_600_000;
const MAX_BYTES = 1024 * 1024;

export class HttpHook implements Hook {
  readonly #options: Exclude<HttpHookOptions, string>;
  readonly #ports: DriverPorts;

  constructor(options: HttpHookOptions, ports: DriverPorts) {
    this.#options = typeof options === 'string' ? { url: options, method: 'POST' } : options;
    this.#ports = ports;
  }

  async run(context: HookContext, signal: AbortSignal): Promise<void> {
    throwIfAborted(signal, 'the hook');
    const { method, expect } = this.#options;
    const url = fillUrl(this.#options.url, hookFields(context));
    const { headers, redact } = await credentials(this.#options, this.#ports.secrets);
    const ca = await readCa(this.#options.ca, this.#ports);
    const body = this.#body(context);
    const reply = await this.#ports.http.request({
      method,
      url,
      // The token lets a receiver see that a try is a repeat.
      headers: { ...(body === null ? {} : { 'content-type': body.type }), 'idempotency-key': header(context.token), ...headers },
      ...(body === null ? {} : { body: body.text }),
      ...(ca === undefined ? {} : { ca }),
      timeoutMs: LONGEST_MS,
      maxBytes: MAX_BYTES,
      signal,
    });
    if (expect === undefined ? reply.status >= 200 && reply.status < 300 : expect.includes(reply.status)) return;
    const text = new TextDecoder().decode(reply.body);
    const said = looksLikeHtml({ headers: reply.headers, text }) ? 'an HTML page' : excerpt(text, redact);
    const code = reply.status < 400 ? 'bad-reply' : codeOfStatus(reply.status);
    throw new DriverError(code, `${new URL(url).host} answered ${reply.status}${said === '' ? '' : `: ${said}`}`, {
      retryAfterMs: retryAfterMs(reply.headers['retry-after'], this.#ports.clock.wall()),
    });
  }

  #body(context: HookContext): { text: string; type: string } | null {
    const { body, method } = this.#options;
    if (typeof body === 'string') return { text: fill(body, hookFields(context)), type: 'text/plain; charset=utf-8' };
    if (body !== undefined) return { text: JSON.stringify(fillJson(body, hookFields(context))), type: 'application/json' };
    if (method === 'GET' || method === 'DELETE') return null;
    const { machineId, alerts: _, ...rest } = context;
    return { text: JSON.stringify({ ...rest, machine_id: machineId }), type: 'application/json' };
  }
}

/** Texts are filled before they become JSON, so that no value can break out of its quotes. */
function fillJson(value: Json, fields: Fields): Json {
  if (typeof value === 'string') return fill(value, fields);
  if (value === null || typeof value !== 'object') return value;
  if (Array.isArray(value)) return value.map((inner: Json) => fillJson(inner, fields));
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, fillJson(inner as Json, fields)]));
}

/** Header values are visible ASCII. */
function header(token: string): string {
  return encodeURIComponent(token);
}
