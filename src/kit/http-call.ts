import type { DriverPorts } from '../ports/driver.ts';
import { DriverError, type DriverErrorCode } from '../ports/errors.ts';
import type { HttpRequest } from '../ports/http.ts';
import type { CallBudget } from './call-budget.ts';
import { excerpt } from './redact.ts';

export const DEFAULT_MAX_BYTES = 5 * 1024 * 1024;

export interface HttpCall {
  readonly method: HttpRequest['method'];
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly body?: string | Uint8Array | undefined;
  /** One exchange, ms. */
  readonly timeoutMs: number;
  /** Default 5 MiB, after unpacking. */
  readonly maxBytes?: number | undefined;
  readonly socketPath?: string | undefined;
  readonly ca?: string | undefined;
  readonly signal?: AbortSignal | undefined;
  /** The other side's name for error messages, e.g. `Prometheus`. Default: the URL's host. */
  readonly who?: string | undefined;
  /** Texts that must not appear in an error message. */
  readonly redact?: readonly string[] | undefined;
  /** Finds the sentence in an error body; null = none, the body's beginning is shown instead. */
  readonly explain?: ((body: string) => string | null) | undefined;
  /** What an answer that is no 2xx means at this vendor, where its status alone does not tell; null = as by `codeOfStatus`. */
  readonly judge?: ((reply: TextReply) => Judgement | null) | undefined;
  /** Only for calls that may be repeated. Repeats what is unreachable, throttled or a 5xx. */
  readonly retry?: Retry | undefined;
  readonly budget?: CallBudget | undefined;
}

export interface Judgement {
  readonly code: DriverErrorCode;
  /** As in DriverError. Default: by the code. */
  readonly definite?: boolean;
  /** Default: what the header Retry-After says. */
  readonly retryAfterMs?: number;
}

export interface Retry {
  /** Tries in all, at least 1. */
  readonly attempts: number;
  /** All tries and the pauses between them, ms. */
  readonly totalMs: number;
  /** First pause, ms, doubled each time, each a random part of it between half and all. Default 200. */
  readonly pauseMs?: number;
}

export interface TextReply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly text: string;
}

export type CallPorts = Pick<DriverPorts, 'http' | 'clock' | 'random'>;

/** One HTTP call (or a bounded number of tries) that ends with a 2xx answer or a DriverError. */
export async function httpCall(ports: CallPorts, call: HttpCall): Promise<TextReply> {
  const retry = call.retry ?? { attempts: 1, totalMs: call.timeoutMs };
  const endMs = ports.clock.mono() + retry.totalMs;
  for (let attempt = 1; ; attempt++) {
    const leftMs = endMs - ports.clock.mono();
    try {
      return await tryOnce(ports, call, Math.min(call.timeoutMs, Math.max(1, Math.floor(leftMs))));
    } catch (e) {
      if (!(e instanceof DriverError)) throw e;
      const pauseMs = pauseBefore(ports, retry, attempt, e);
      if (attempt >= retry.attempts || !isWorthRepeating(e) || call.signal?.aborted || ports.clock.mono() + pauseMs >= endMs) throw e;
      await pause(ports, pauseMs, call.signal, e);
    }
  }
}

function isWorthRepeating(e: DriverError): boolean {
  return e.code === 'unreachable' || e.code === 'throttled' || e.code === 'unknown';
}

function pauseBefore(ports: CallPorts, retry: Retry, attempt: number, e: DriverError): number {
  if (e.retryAfterMs !== null) return e.retryAfterMs;
  const wholeMs = (retry.pauseMs ?? 200) * 2 ** (attempt - 1);
  return wholeMs / 2 + (wholeMs / 2) * (ports.random.u32() / 2 ** 32);
}

async function pause(ports: CallPorts, ms: number, signal: AbortSignal | undefined, failure: DriverError): Promise<void> {
  try {
    await ports.clock.sleep(ms, signal);
  } catch {
    throw failure; // aborted while waiting: what went wrong before says more
  }
}

async function tryOnce(ports: CallPorts, call: HttpCall, timeoutMs: number): Promise<TextReply> {
  await takeBudget(call);
  const reply = await ports.http.request({
    method: call.method,
    url: call.url,
    timeoutMs,
    maxBytes: call.maxBytes ?? DEFAULT_MAX_BYTES,
    ...(call.headers === undefined ? {} : { headers: call.headers }),
    ...(call.body === undefined ? {} : { body: call.body }),
    ...(call.socketPath === undefined ? {} : { socketPath: call.socketPath }),
    ...(call.ca === undefined ? {} : { ca: call.ca }),
    ...(call.signal === undefined ? {} : { signal: call.signal }),
  });
  const text = new TextDecoder().decode(reply.body);
  if (reply.status >= 200 && reply.status < 300) return { status: reply.status, headers: reply.headers, text };
  const failure = errorOfStatus(ports, call, { status: reply.status, headers: reply.headers, text });
  if (failure.code === 'throttled' && failure.retryAfterMs !== null) call.budget?.close(failure.retryAfterMs);
  throw failure;
}

async function takeBudget(call: HttpCall): Promise<void> {
  try {
    await call.budget?.take(call.signal);
  } catch (e) {
    if (e instanceof DriverError) throw e;
    throw new DriverError('unreachable', `the call to ${nameOf(call)} was cancelled before it was made`, { definite: true, cause: e });
  }
}

function errorOfStatus(ports: CallPorts, call: HttpCall, reply: TextReply): DriverError {
  const said = call.explain?.(reply.text) ?? (looksLikeHtml(reply) ? 'an HTML page' : reply.text);
  const detail = excerpt(said, call.redact);
  const redirect = reply.status >= 300 && reply.status < 400 ? ' (a redirect; these are not followed, use the final address)' : '';
  const message = `${nameOf(call)} answered ${reply.status}${redirect}${detail === '' ? '' : `: ${detail}`}`;
  const judged = call.judge?.(reply) ?? null;
  return new DriverError(judged?.code ?? codeOfStatus(reply.status), message, {
    retryAfterMs: judged?.retryAfterMs ?? retryAfterMs(reply.headers['retry-after'], ports.clock.wall()),
    ...(judged?.definite === undefined ? {} : { definite: judged.definite }),
  });
}

/** 5xx leaves the outcome of a mutating call unknown, so those are the codes that are not definite. */
export function codeOfStatus(status: number): DriverErrorCode {
  if (status === 401 || status === 403) return 'unauthorized';
  if (status === 404 || status === 410) return 'not-found';
  if (status === 409 || status === 412) return 'conflict';
  if (status === 429) return 'throttled';
  if (status === 408 || status === 502 || status === 503 || status === 504) return 'unreachable';
  if (status >= 400 && status < 500) return 'bad-request';
  if (status >= 500) return 'unknown';
  return 'bad-reply';
}

/** Seconds or an HTTP date (RFC 9110 §10.2.3); at most a day; null when absent or nonsense. */
export function retryAfterMs(value: string | undefined, nowMs: number): number | null {
  if (value === undefined) return null;
  const seconds = /^\s*\d+(?:\.\d+)?\s*$/.test(value) ? Number(value) * 1000 : Date.parse(value) - nowMs;
  return Number.isNaN(seconds) ? null : Math.min(86_400_000, Math.max(0, Math.ceil(seconds)));
}

export function looksLikeHtml(reply: Pick<TextReply, 'headers' | 'text'>): boolean {
  return (reply.headers['content-type'] ?? '').includes('text/html') || /^\s*<(?:!doctype|html)/i.test(reply.text.slice(0, 200));
}

/** Name of the other side for messages: never the path, which is the secret of a chat webhook. */
export function nameOf(call: Pick<HttpCall, 'who' | 'url'>): string {
  return call.who ?? URL.parse(call.url)?.host ?? 'the server';
}
