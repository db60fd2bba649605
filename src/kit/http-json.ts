import type { z } from 'zod';
import { DriverError } from '../ports/errors.ts';
import { type CallPorts, type HttpCall, httpCall, looksLikeHtml, nameOf, type TextReply } from './http-call.ts';
import { parseJson } from './parse-json.ts';

export interface JsonCall<Schema extends z.ZodType> extends HttpCall {
  /** Of the answer. Tolerate what you do not need (z.object, not z.strictObject). An empty body is given to it as null. */
  readonly schema: Schema;
  /** Sent as JSON. Instead of `body`. */
  readonly json?: unknown;
}

export interface JsonReply<T> {
  readonly status: number;
  readonly headers: TextReply['headers'];
  readonly body: T;
}

/**
 * One call to a JSON API: deadline, size and depth limits, errors by the closed list, answer checked by the schema.
 * Throws DriverError: by status (see `codeOfStatus`), `bad-reply` for HTML, cut-off or unexpected JSON, `unreachable` without an answer.
 */
export async function httpJson<Schema extends z.ZodType>(ports: CallPorts, call: JsonCall<Schema>): Promise<JsonReply<z.output<Schema>>> {
  const { schema, json, ...rest } = call;
  const headers: Record<string, string> = { accept: 'application/json' };
  if (json !== undefined) headers['content-type'] = 'application/json';
  for (const [name, value] of Object.entries(call.headers ?? {})) headers[name.toLowerCase()] = value;
  const reply = await httpCall(ports, { ...rest, headers, ...(json === undefined ? {} : { body: JSON.stringify(json) }) });
  return { status: reply.status, headers: reply.headers, body: checkJson(call, schema, reply) };
}

function checkJson<Schema extends z.ZodType>(call: HttpCall, schema: Schema, reply: TextReply): z.output<Schema> {
  const who = nameOf(call);
  if (looksLikeHtml(reply))
    throw new DriverError('bad-reply', `${who} answered an HTML page instead of JSON: is the address right, or does a login page stand before it?`);
  const parsed = reply.text.trim() === '' ? ({ ok: true, value: null } as const) : parseJson(reply.text);
  if (!parsed.ok) throw new DriverError('bad-reply', `the answer of ${who} cannot be read: ${parsed.why}`);
  const checked = schema.safeParse(parsed.value);
  if (checked.success) return checked.data;
  const issue = checked.error.issues[0];
  const where = issue === undefined || issue.path.length === 0 ? '' : ` at /${issue.path.join('/')}`;
  // zod's messages name types and expected words, never the value received.
  throw new DriverError('bad-reply', `the answer of ${who} is not what was expected${where}: ${issue?.message ?? 'unknown'}`.slice(0, 300));
}
