/** What Linode's API means with an answer that is no success. Its errors are sentences without a code, so they are told by their words. */
import type { DriverErrorCode } from '../ports/errors.ts';
import { type Judgement, looksLikeHtml, type TextReply } from './http-call.ts';
import { parseJson } from './parse-json.ts';

/** Pause after a 429 that does not say how long; doubled for each further one, ms. */
export const THROTTLED_MS = 5_000;
/** Pause after `Linode busy.`: a job of the Linode is under way, ms. */
const BUSY_MS = 5_000;
const MAINTENANCE_MS = 60_000;
const LONGEST_RESET_MS = 600_000;

interface Reason {
  readonly reason: string;
  readonly field: string | null;
}

/** `{"errors":[{"reason":…,"field":…}]}`; empty when the body is something else. */
function reasonsOf(text: string): Reason[] {
  const parsed = parseJson(text);
  if (!parsed.ok || typeof parsed.value !== 'object' || parsed.value === null) return [];
  const { errors } = parsed.value as { errors?: unknown };
  if (!Array.isArray(errors)) return [];
  return errors.slice(0, 20).flatMap((each: unknown): Reason[] => {
    if (typeof each !== 'object' || each === null) return [];
    const { reason, field } = each as { reason?: unknown; field?: unknown };
    return typeof reason === 'string' ? [{ reason, field: typeof field === 'string' ? field : null }] : [];
  });
}

/** The sentence in an error body. */
export function explainLinodeError(text: string): string | null {
  const reasons = reasonsOf(text);
  return reasons.length === 0 ? null : reasons.map(({ reason, field }) => (field === null ? reason : `${field}: ${reason}`)).join('; ');
}

/** The first that fits counts. Words as the API, its documentation and its users' reports have them. */
const WORDS: readonly (readonly [DriverErrorCode, RegExp])[] = [
  [
    'quota',
    /account limit|limit (?:has been |was )?reached|(?:reached|exceed\w*|at|over) (?:the|your|its) (?:\w+ ){0,4}limit|maximum (?:number|amount) of|too many (?:active )?linodes|contact support .*limit/i,
  ],
  [
    'no-capacity',
    /no open slots|no (?:available )?capacity|out of stock|sold out|insufficient (?:capacity|resources)|capacity (?:is )?(?:not|un)available|(?:not|un)available in (?:this|that|the) region|cannot be honou?red/i,
  ],
];

/** Null: as the status says. */
export function judgeLinodeError(reply: TextReply, nowMs: number, throttledMs: number): Judgement | null {
  const { status } = reply;
  if (status === 429) return { code: 'throttled', ...pauseOf(reply, nowMs, throttledMs) };
  // The edge says that the API is closed: it was not asked, and says not to knock again and again.
  if (status === 503 && reply.headers['x-maintenance-mode'] !== undefined) return { code: 'unreachable', definite: true, retryAfterMs: MAINTENANCE_MS };
  if (status < 400 || status >= 500) return null;
  // A page of the edge before the API, which sends it with 400, too: nothing is known of what became of the call.
  if (looksLikeHtml(reply)) return { code: 'unreachable', definite: false };
  const reasons = reasonsOf(reply.text);
  if (reasons.some(({ reason }) => /^linode busy\b/i.test(reason))) return { code: 'conflict', retryAfterMs: BUSY_MS };
  if (reasons.some(isLabelTaken)) return { code: 'conflict' };
  if (status === 401 || status === 403 || status === 404) return null;
  for (const [code, pattern] of WORDS) if (reasons.some(({ reason }) => pattern.test(reason))) return { code };
  return null;
}

function isLabelTaken({ reason, field }: Reason): boolean {
  return field === 'label' && /unique|already|in use|taken|exists/i.test(reason);
}

/** Retry-After where it is said, which the caller reads; else the reset time; else our own pause. */
function pauseOf(reply: TextReply, nowMs: number, throttledMs: number): { retryAfterMs?: number } {
  if (reply.headers['retry-after'] !== undefined) return {};
  const reset = Number(reply.headers['x-ratelimit-reset'] ?? Number.NaN) * 1000 - nowMs;
  return { retryAfterMs: reset > 0 && reset <= LONGEST_RESET_MS ? Math.ceil(reset) : throttledMs };
}
