/** Errors as problem documents (RFC 9457). What is not foreseen becomes a 500 that tells nothing but its request id. */
import { OperationError } from '../engine/operations.ts';
import { DriverError, StoreError, type StoreErrorCode } from '../ports/ports.ts';
import type { Problem } from './documents.ts';

export const PROBLEM_TYPE = 'application/problem+json; charset=utf-8';

const TITLES: Readonly<Record<number, string>> = {
  400: 'Malformed request',
  401: 'Not authenticated',
  403: 'Not allowed',
  404: 'Not found',
  405: 'Method not allowed',
  408: 'Request took too long',
  409: 'Conflict',
  413: 'Too large',
  414: 'Address too long',
  415: 'Unsupported content type',
  422: 'Invalid request',
  429: 'Too many attempts',
  431: 'Headers too large',
  500: 'Internal error',
  503: 'Not available now',
};

/** Thrown anywhere in the API; becomes the reply. `detail` is shown to the caller. */
export class ApiProblem extends Error {
  readonly status: number;
  readonly code: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly more: Pick<Problem, 'errors' | 'problems' | 'confirm'>;
  constructor(status: number, code: string, detail: string, headers: Readonly<Record<string, string>> = {}, more: ApiProblem['more'] = {}) {
    super(detail);
    this.name = 'ApiProblem';
    this.status = status;
    this.code = code;
    this.headers = headers;
    this.more = more;
  }
}

export function problemDocument(problem: ApiProblem, requestId: string): Problem {
  return {
    type: `urn:drover:problem:${problem.code}`,
    title: TITLES[problem.status] ?? 'Error',
    status: problem.status,
    code: problem.code,
    detail: problem.message,
    request_id: requestId,
    ...problem.more,
  };
}

const RETRY_SOON = { 'retry-after': '5' };

const STORE_DETAIL: Readonly<Record<Exclude<StoreErrorCode, 'conflict'>, string>> = {
  locked: 'The store is locked by another process.',
  corrupt: 'The store is damaged.',
  'disk-full': 'The disk of the store is full; nothing is accepted until there is room.',
  io: 'The store cannot be read or written now.',
  'newer-schema': 'The store was written by a newer version.',
  closed: 'The controller is stopping.',
};

function ofOperation(error: OperationError): ApiProblem {
  switch (error.code) {
    case 'no-such-group':
    case 'no-such-instance':
    case 'no-such-decision':
      return new ApiProblem(404, error.code, error.message);
    case 'refused':
    case 'conflict':
      return new ApiProblem(409, error.code, error.message);
    case 'invalid':
      return new ApiProblem(422, 'invalid', error.message, {}, { errors: [{ field: error.field ?? '', message: error.message }] });
    case 'unavailable':
      return new ApiProblem(503, 'unavailable', error.message, RETRY_SOON);
  }
}

function ofDriver(error: DriverError): ApiProblem {
  const retry = error.retryAfterMs === null ? RETRY_SOON : { 'retry-after': String(Math.max(1, Math.ceil(error.retryAfterMs / 1000))) };
  return new ApiProblem(503, `driver-${error.code}`, error.message, retry);
}

/** Errors of Fastify's own that a client causes, by code. */
const FRAMEWORK: Readonly<Record<string, readonly [number, string, string]>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: [413, 'too-large', 'The body is larger than 1 MiB.'],
  FST_ERR_CTP_INVALID_MEDIA_TYPE: [415, 'unsupported-type', 'Send the body as application/json.'],
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: [400, 'malformed', 'The body is not as long as Content-Length says.'],
  FST_ERR_BAD_URL: [400, 'malformed', 'The path is not validly encoded.'],
  FST_ERR_MAX_PARAM_LENGTH: [414, 'uri-too-long', 'A part of the path is too long.'],
};

/** The reply to any thrown thing; null: not foreseen, a 500. */
export function asProblem(error: unknown): ApiProblem | null {
  if (error instanceof ApiProblem) return error;
  if (error instanceof OperationError) return ofOperation(error);
  if (error instanceof StoreError) {
    if (error.code === 'conflict') return new ApiProblem(409, 'conflict', 'That contradicts what is stored now; read it again.');
    return new ApiProblem(503, `store-${error.code}`, STORE_DETAIL[error.code], RETRY_SOON);
  }
  if (error instanceof DriverError) return ofDriver(error);
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  const known = FRAMEWORK[code];
  if (known !== undefined) return new ApiProblem(...known);
  const status = error instanceof Error && 'statusCode' in error ? Number(error.statusCode) : 500;
  if (code.startsWith('FST_') && status >= 400 && status < 500) return new ApiProblem(status, 'malformed', TITLES[status] ?? 'The request is malformed.');
  return null;
}

export function internalProblem(): ApiProblem {
  return new ApiProblem(500, 'internal', 'Something went wrong in the controller. Its log has the details under this request id.');
}
