import type { DriverPorts } from '../ports/driver.ts';
import { DriverError } from '../ports/errors.ts';
import type { SecretRef } from '../ports/secrets.ts';
import { httpCall } from './http-call.ts';
import { excerpt } from './redact.ts';
import { urlProblem } from './url-option.ts';

/** Posts to an incoming webhook of a chat. Its address is the only credential, so it never shows; success is 200 and the text `ok`. */
export async function postToChat(
  ports: DriverPorts,
  call: { readonly who: string; readonly webhook: string | SecretRef; readonly message: unknown; readonly timeoutMs: number; readonly signal: AbortSignal },
): Promise<void> {
  const url = typeof call.webhook === 'string' ? call.webhook : (await ports.secrets.resolve(call.webhook)).reveal();
  const problem = urlProblem(url);
  if (problem !== null) throw new DriverError('bad-request', `the address of the ${call.who} webhook ${problem}`);
  const redact = [url, new URL(url).pathname];
  const reply = await httpCall(ports, {
    method: 'POST',
    url,
    headers: { 'content-type': 'application/json; charset=utf-8' },
    body: JSON.stringify(call.message),
    timeoutMs: call.timeoutMs,
    maxBytes: 64 * 1024,
    who: call.who,
    redact,
    signal: call.signal,
  });
  if (reply.text.trim() !== 'ok') throw new DriverError('bad-reply', `${call.who} did not say ok but: ${excerpt(reply.text, redact, 100)}`);
}
