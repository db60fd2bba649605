/** Requests made from the OpenAPI document: right ones, nearly right ones and hostile ones, by every role. */
import type { InjectOptions } from 'fastify';
import { openapiDocument } from '../../../src/api/openapi.ts';
import { configText } from './config-documents.ts';
import { CONFIG } from './controller-world.ts';
import type { Draw } from './draw.ts';
import { type Drawing, drawValue, type JsonSchema } from './json-schema.ts';
import { mutateValue } from './mutate-json.ts';
import { mutateText } from './mutate-text.ts';
import { DANGEROUS_KEYS, deep, oddText, oddValue } from './words.ts';

interface Content {
  readonly content?: Readonly<Record<string, { readonly schema: JsonSchema }>>;
  readonly $ref?: string;
}
export interface Operation {
  readonly operationId: string;
  readonly method: string;
  readonly path: string;
  readonly 'x-drover-access': string;
  readonly parameters: readonly { readonly name: string; readonly in: string; readonly required: boolean; readonly schema: JsonSchema }[];
  readonly requestBody?: Content;
  readonly responses: Readonly<Record<string, Content>>;
}
interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Omit<Operation, 'method' | 'path'>>>>>;
}

const document = JSON.parse(JSON.stringify(openapiDocument('0.0.0'))) as Document;
export const OPERATIONS: readonly Operation[] = Object.entries(document.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({ ...operation, method: method.toUpperCase(), path })),
);

export function resolveRef(ref: string): JsonSchema {
  const found = ref
    .slice(2)
    .split('/')
    .reduce<unknown>((at, key) => (at as Record<string, unknown> | undefined)?.[key], document);
  if (found === undefined) throw new Error(`the document has no ${ref}`);
  return found as JsonSchema;
}

export type Caller = 'admin' | 'operator' | 'viewer' | 'receiver' | 'nobody' | 'stranger';
export interface Request {
  readonly operation: Operation;
  readonly caller: Caller;
  readonly method: string;
  /** `zz-KIND-N` stands for the N-th thing of its kind there is when the request is sent. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly payload: string | null;
}

/** Likely texts by the name of the field. */
function wordFor(name: string, draw: Draw): string | null {
  switch (name) {
    case 'group':
      return draw.pick(['web', 'web', 'web', 'watched', 'left', 'none', 'constructor']);
    case 'instance':
      return `zz-instance-${draw.below(6)}`;
    case 'decision':
      return `zz-decision-${draw.below(6)}`;
    case 'before':
      return draw.pick([`zz-decision-${draw.below(6)}`, `zz-seq-${draw.below(6)}`]);
    case 'token':
      return `zz-token-${draw.below(6)}`;
    case 'machine':
      return `zz-machine-${draw.below(6)}`;
    case 'confirm':
      return draw.pick(['web', 'left', 'watched']);
    case 'receiver':
      return draw.pick(['am', 'lab', 'grafana', 'pager', 'token', 'none']);
    case 'metric':
      return draw.pick(['load', 'load', 'none', 'toString']);
    case 'zone':
      return draw.pick(['Europe/Berlin', 'UTC', 'US/Eastern', 'Mars/Olympus', '+01:00']);
    case 'type':
      return draw.pick(['control.paused', 'access.denied', 'none']);
    case 'name':
      return draw.oneIn(4) ? null : `n${draw.below(30)}`;
    case 'text':
      return draw.oneIn(3) ? configText(draw) : draw.oneIn(2) ? mutateText(CONFIG, draw) : CONFIG.replace('max: 10', `max: ${draw.between(1, 12)}`);
    default:
      return null;
  }
}

const bodyOf = (operation: Operation): JsonSchema | null => operation.requestBody?.content?.['application/json']?.schema ?? null;

function query(pairs: readonly (readonly [string, string])[]): string {
  return pairs.length === 0 ? '' : `?${pairs.map(([k, v]) => `${encodeURIComponent(k.toWellFormed())}=${encodeURIComponent(v.toWellFormed())}`).join('&')}`;
}

function pathOf(operation: Operation, drawing: Drawing, odd: boolean): string {
  return operation.path.replaceAll(/\{(\w+)\}/g, (_, name: string) => {
    const word = odd ? oddText(drawing.draw).toWellFormed() : (drawing.word(name) ?? 'x');
    return encodeURIComponent(word) || 'x';
  });
}

function queryOf(operation: Operation, drawing: Drawing, odd: boolean): [string, string][] {
  const { draw } = drawing;
  const pairs = operation.parameters
    .filter((p) => p.in === 'query' && draw.oneIn(2))
    .map((p): [string, string] => [
      p.name,
      odd && draw.oneIn(2) ? String(draw.pick([oddText(draw), '1e9', '-1', '0x10', ' 5', '1.5', 'NaN'])) : String(drawValue(p.schema, drawing, p.name)),
    ]);
  if (odd && draw.oneIn(3)) pairs.push([draw.pick([...DANGEROUS_KEYS, 'token', 'x', '__proto__[polluted]', 'group']), oddText(draw)]);
  return pairs;
}

function headersOf(draw: Draw, odd: boolean): Record<string, string> {
  const headers: Record<string, string> = { host: 'localhost' };
  if (!odd) return headers;
  const more: readonly (readonly [string, string])[] = [
    ['host', draw.pick(['evil.example', '127.0.0.1:8470', '[::1]', '', 'x'.repeat(200)])],
    ['origin', draw.pick(['http://evil.example', 'http://localhost', 'null'])],
    ['last-event-id', draw.pick(['1', '-1', 'x', '9'.repeat(30)])],
    ['x-forwarded-for', '10.0.0.1, evil'],
    ['content-encoding', draw.pick(['gzip', 'identity', 'br'])],
    ['idempotency-key', draw.pick(['a', 'x'.repeat(300), '__proto__'])],
    ['accept', 'text/html'],
    ['expect', '100-continue'],
    ['x-http-method-override', 'DELETE'],
    ['cookie', 'token=x'],
  ];
  for (let n = draw.few(3); n > 0; n--) {
    const [name, value] = draw.pick(more);
    headers[name] = value;
  }
  return headers;
}

const TYPES = [
  'application/json; charset=utf-8',
  'application/json;charset=latin1',
  'text/plain',
  'application/x-www-form-urlencoded',
  'multipart/form-data; boundary=x',
  'application/yaml',
  'x',
];

function hostileText(draw: Draw, valid: unknown): string {
  const text = JSON.stringify(valid) ?? '';
  switch (draw.below(9)) {
    case 0:
      return mutateText(text, draw);
    case 1:
      return JSON.stringify(deep(draw, draw.pick([20, 40, 2000])));
    case 2:
      return text.replace('{', `{"${draw.pick(DANGEROUS_KEYS)}": {"polluted": 1}, `);
    case 3:
      return text.replace(/"(\w+)":/, '"$1": 1, "$1":');
    case 4:
      return `\ufeff${text}`;
    case 5:
      return text.replaceAll(/\b\d+\b/g, () => draw.pick(['1e400', '-0', '9007199254740993', '1.5', '-1']));
    case 6:
      return '['.repeat(draw.pick([10, 40, 5000]));
    case 7:
      return draw.oneIn(60) ? JSON.stringify({ reason: 'x'.repeat(1_100_000) }) : JSON.stringify(text);
    default:
      return JSON.stringify(oddValue(draw)) ?? '';
  }
}

const CALLERS: readonly Caller[] = ['admin', 'admin', 'admin', 'admin', 'operator', 'operator', 'viewer', 'viewer', 'receiver', 'nobody', 'stranger'];

/** 0–44 right, 45–74 nearly right, the rest hostile. */
export function drawRequest(draw: Draw): Request {
  const operation = draw.pick(OPERATIONS);
  const kind = draw.below(100);
  const [near, hostile] = [kind >= 45 && kind < 75, kind >= 75];
  const drawing: Drawing = { draw, resolve: resolveRef, word: (name) => wordFor(name, draw) };
  const caller = draw.pick(CALLERS);
  const headers = headersOf(draw, hostile);
  const schema = bodyOf(operation);
  const method = hostile && draw.oneIn(8) ? draw.pick(['PUT', 'PATCH', 'OPTIONS', 'HEAD', 'GET', 'POST', 'DELETE']) : operation.method;
  let payload: string | null = null;
  if (method !== 'GET' && method !== 'HEAD' && (schema !== null || draw.oneIn(hostile ? 2 : 20))) {
    const valid = operation.operationId === 'hook' ? { version: '4', alerts: [] } : drawValue(schema ?? {}, drawing);
    payload = hostile && draw.oneIn(2) ? hostileText(draw, valid) : (JSON.stringify(near && draw.oneIn(2) ? mutateValue(valid, draw, 1) : valid) ?? '');
    headers['content-type'] = (near || hostile) && draw.oneIn(12) ? draw.pick(TYPES) : 'application/json';
  }
  let path = pathOf(operation, drawing, (near || hostile) && draw.oneIn(5));
  if (hostile && draw.oneIn(10))
    path = draw.pick([
      `${path}/`,
      `/${path}`,
      `${path}/../..`,
      path.toUpperCase(),
      `${path}%00`,
      `${path}%zz`,
      `${path}${'x'.repeat(9000)}`,
      path.replace('/v1', '/v1/.'),
    ]);
  return { operation, caller, method, url: path + query(queryOf(operation, drawing, near || hostile)), headers, payload };
}

export function injectionOf(request: Request, authorization: string | null, fill: (text: string) => string): InjectOptions {
  const headers = authorization === null ? request.headers : { ...request.headers, authorization };
  return {
    method: request.method as 'GET',
    url: fill(request.url),
    headers,
    ...(request.payload === null ? {} : { payload: fill(request.payload) }),
  };
}
