/** Whatever is sent to whichever route by whomever: no failure of ours, an answer as the OpenAPI document promises, and a refusal changes nothing. */
import { expect, it } from 'vitest';
import { booksOf, type ControllerWorld, openControllerWorld, sameBooks } from './support/controller-world.ts';
import type { Draw } from './support/draw.ts';
import { fuzz, INPUTS } from './support/fuzz.ts';
import { mismatch } from './support/json-schema.ts';
import { drawRequest, injectionOf, OPERATIONS, type Request, resolveRef } from './support/requests.ts';

/** Events a refusal may leave: the record of it. */
const RECORDS = new Set(['access.denied', 'delivery.rejected']);
/** Of every route, whatever it does: the address itself, the method, or the size is wrong. */
const ALWAYS = new Set([404, 405, 408, 414, 431]);
/** They look, or answer what would be. */
const HARMLESS = new Set(['evaluate', 'replay', 'metric', 'validateConfig', 'planConfig', 'verifyAudit']);

let world: ControllerWorld | null = null;
const answered = new Map<string, Set<number>>();

function need(holds: boolean, what: string): void {
  if (!holds) throw new Error(what);
}

function things({ sim, data }: ControllerWorld): Readonly<Record<string, readonly string[]>> {
  return {
    instance: [...data.instances.keys()].slice(0, 6),
    decision: data.decisions.slice(-6).map((d) => d.row.decision.id),
    token: [...data.tokens.keys()].reverse(),
    machine: sim.cloud.alive().map((m) => m.id),
    seq: data.events.slice(-6).map((e) => String(e.seq)),
  };
}

interface Answer {
  readonly statusCode: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: string;
}

async function ask(at: ControllerWorld, request: Request): Promise<Answer> {
  const known = things(at);
  const fill = (text: string): string => text.replaceAll(/zz-([a-z]+)-(\d)/g, (whole, kind: string, n: string) => known[kind]?.[Number(n)] ?? whole);
  const { caller } = request;
  const credential = caller === 'nobody' ? null : caller === 'stranger' ? `Bearer drv_${'0'.repeat(64)}` : `Bearer ${at.token[caller]}`;
  return at.api.app.inject(injectionOf(request, credential, fill));
}

function checkHeaders(headers: Answer['headers']): void {
  need(String(headers['content-security-policy']).includes("default-src 'none'"), 'no content security policy');
  need(
    headers['x-content-type-options'] === 'nosniff' && headers['cache-control'] === 'no-store' && headers['referrer-policy'] === 'no-referrer',
    'a security header is missing',
  );
  need(/^[0-9a-f]{16}$/.test(String(headers['x-request-id'])), 'no request id');
  need(headers['x-powered-by'] === undefined && headers['server'] === undefined, 'the software names itself');
}

function checkRefusal(request: Request, { statusCode, headers, body }: Answer): void {
  need(
    headers['content-type'] === 'application/problem+json; charset=utf-8',
    `${statusCode} of type ${String(headers['content-type'])}: ${body.slice(0, 200)}`,
  );
  if (request.method === 'HEAD') return;
  const problem = JSON.parse(body) as Record<string, unknown>;
  const wrong = mismatch(problem, resolveRef('#/components/schemas/Problem'), resolveRef);
  need(wrong === null, `the problem document: ${wrong}`);
  need(problem['status'] === statusCode && problem['request_id'] === headers['x-request-id'], `it says ${String(problem['status'])} of ${statusCode}`);
  need(!/\bat [\w.]+ \(|node:|\.ts:\d/.test(body), `a stack is shown: ${body}`);
}

function checkReply({ operation, method }: Request, { statusCode, headers, body }: Answer): void {
  if (method === 'HEAD') return;
  // A hostile method may be another operation of the same path.
  const content = OPERATIONS.find((o) => o.path === operation.path && o.method === method)?.responses[statusCode]?.content;
  need(content !== undefined, `${statusCode} is not in the document`);
  const [[type, { schema }] = ['', { schema: {} }]] = Object.entries(content ?? {});
  need(String(headers['content-type']).startsWith(type), `the type is ${String(headers['content-type'])}, the document says ${type}`);
  if (type !== 'application/json' || Object.keys(schema).length === 0) return;
  const wrong = mismatch(JSON.parse(body), schema, resolveRef);
  need(wrong === null, `the reply is not as the document says: ${wrong}`);
}

function checkSecrets(at: ControllerWorld, request: Request, body: string): void {
  for (const value of Object.values(at.token)) need(!body.includes(value), 'a credential comes back');
  if (request.operation.operationId !== 'createToken') need(!/drv_[1-9a-f][0-9a-f]{63}/.test(body), 'a token comes back');
}

/** What may be done without leaving anything in the books. */
function mayChange({ operation, method, caller }: Request, statusCode: number): boolean {
  if (statusCode >= 400 || method === 'GET' || method === 'HEAD' || HARMLESS.has(operation.operationId)) return false;
  return operation.operationId === 'hook' || caller === 'admin' || caller === 'operator';
}

async function checkRequest(request: Request): Promise<void> {
  const at = world;
  if (at === null) throw new Error('no world');
  const before = booksOf(at.data);
  const lastSeq = at.data.head.seq;
  const answer = await ask(at, request);
  const { statusCode, headers, body } = answer;
  need(statusCode < 500, `${statusCode}: ${body}`);
  checkHeaders(headers);
  if (statusCode >= 400) checkRefusal(request, answer);
  else checkReply(request, answer);
  checkSecrets(at, request, body);
  const own = request.method === request.operation.method;
  if (own) need(ALWAYS.has(statusCode) || request.operation.responses[statusCode] !== undefined, `${statusCode} is not in the document: ${body}`);
  if (!mayChange(request, statusCode)) {
    need(sameBooks(before, booksOf(at.data)), `${statusCode} for ${request.caller}, and the books changed`);
    for (let i = at.data.events.length - 1; i >= 0 && (at.data.events[i]?.seq ?? 0) > lastSeq; i--)
      need(RECORDS.has(at.data.events[i]?.type ?? ''), `${statusCode} for ${request.caller}, and the event ${at.data.events[i]?.type} was written`);
  }
  const seen = answered.get(request.operation.operationId) ?? new Set();
  answered.set(request.operation.operationId, seen.add(statusCode));
}

/** A stream ends when its reader does: those that would be served are left to tests of their own. */
function make(draw: Draw): Request {
  const request = drawRequest(draw);
  const endless = request.url.includes('/events/stream') && ['admin', 'operator', 'viewer'].includes(request.caller);
  return endless ? { ...request, caller: 'stranger' } : request;
}

it('whatever is asked of the API, the answer is as documented and a refusal changes nothing', async () => {
  await fuzz({
    name: 'api',
    make,
    check: checkRequest,
    show: (request) => JSON.stringify({ ...request, operation: request.operation.operationId }),
    world: {
      every: 1000,
      begin: async () => {
        await world?.close();
        world = await openControllerWorld();
      },
    },
    // Machines boot, decisions are made, throttles forget.
    between: async (index) => {
      if (index % 100 === 0) await world?.sim.seconds(3);
    },
  });
  await world?.close();
  if (process.env['FUZZ_AT'] !== undefined || INPUTS < 20_000) return;
  // Every route was done, not only refused.
  const never = OPERATIONS.filter((o) => o.operationId !== 'stream' && ![...(answered.get(o.operationId) ?? [])].some((status) => status < 300));
  expect(never.map((o) => o.operationId)).toEqual([]);
});
