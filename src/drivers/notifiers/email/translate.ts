import { excerpt } from '../../../kit/redact.ts';
import { DriverError, type DriverErrorCode } from '../../../ports/errors.ts';

/** Replies of RFC 5321 and RFC 4954 that concern the credentials. */
const CREDENTIAL_REPLIES = new Set([454, 530, 534, 535, 538]);

/** What nodemailer threw, by the closed list. */
export function errorOfSmtp(e: unknown, about: { readonly secrets: readonly string[]; readonly timedOut: boolean; readonly timeoutMs: number }): DriverError {
  if (e instanceof DriverError) return e;
  if (about.timedOut) return new DriverError('unreachable', `the mail server did not take the message within ${about.timeoutMs} ms`, { cause: e });
  const failure = e as { code?: unknown; responseCode?: unknown; response?: unknown; message?: unknown };
  const reply = typeof failure.responseCode === 'number' ? failure.responseCode : null;
  const said = excerpt(String(failure.response ?? failure.message ?? e), about.secrets);
  return new DriverError(codeOf(typeof failure.code === 'string' ? failure.code : '', reply), `the mail server did not take the message: ${said}`);
}

function codeOf(code: string, reply: number | null): DriverErrorCode {
  if (code === 'EAUTH' || code === 'ENOAUTH' || (reply !== null && CREDENTIAL_REPLIES.has(reply))) return 'unauthorized';
  if (reply !== null && reply >= 400 && reply < 500) return 'unreachable'; // "try again later"
  if (reply !== null && reply >= 500) return 'bad-request';
  if (code === 'EPROTOCOL') return 'bad-reply';
  if (code === 'ECONFIG' || code === 'EENVELOPE') return 'bad-request';
  return 'unreachable';
}
