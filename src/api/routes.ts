/** Turns the contract into Fastify routes: who may call, checked input, checked reply. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { z } from 'zod';
import { type Access, type Contract, contract, type Method, type Route, type RouteName } from './contract.ts';
import type { CallContext, HandlerName, Handlers } from './handlers/handlers.ts';
import { issueText } from './issue-text.ts';
import { ApiProblem } from './problem.ts';
import { JsonError, parseStrictJson } from './strict-json.ts';

export const JSON_REPLY = 'application/json; charset=utf-8';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Name in the contract. */
    name?: RouteName;
    access?: Access;
  }
}

export function routeOf(name: RouteName): Route {
  return contract[name];
}

/** `/groups/{group}` → `/groups/:group` */
export function fastifyPath(path: string): string {
  return path.replace(/\{(\w+)\}/g, ':$1');
}

type FieldError = { readonly field: string; readonly message: string };

function fieldErrors(error: z.ZodError): FieldError[] {
  return error.issues.flatMap((issue): FieldError[] => {
    const at = issue.path.map(String);
    if (issue.code === 'unrecognized_keys') return issue.keys.map((key) => ({ field: [...at, key].join('.'), message: 'is not a field of this request' }));
    return [{ field: at.join('.'), message: issueText(issue) }];
  });
}

/** Errors told at once; more say no more. */
const MAX_ERRORS = 20;

/** Parameters, query and body, checked and in one object. Throws ApiProblem 422 naming every wrong field. */
export function inputOf(route: Route, request: Pick<FastifyRequest, 'params' | 'query' | 'body'>): Record<string, unknown> {
  const parts: readonly (readonly [z.ZodObject | undefined, unknown])[] = [
    [route.params, request.params],
    [route.query, request.query],
    [route.body, request.body ?? {}],
  ];
  const input: Record<string, unknown> = {};
  const errors: FieldError[] = [];
  for (const [schema, value] of parts) {
    if (schema === undefined) continue;
    const result = schema.safeParse(value);
    if (result.success) Object.assign(input, result.data);
    else errors.push(...fieldErrors(result.error));
  }
  if (route.query === undefined) errors.push(...Object.keys(request.query ?? {}).map((field) => ({ field, message: 'is not a parameter of this request' })));
  if (errors.length === 0) return input;
  const shown = errors.slice(0, MAX_ERRORS);
  throw new ApiProblem(422, 'invalid', shown.map((e) => (e.field === '' ? e.message : `${e.field}: ${e.message}`)).join('; '), {}, { errors: shown });
}

/** Who called, as found by the authentication before. */
export type ContextOf = (request: FastifyRequest) => Pick<CallContext, 'actor'>;

export function registerDocumentRoutes(app: FastifyInstance, handlers: Handlers, contextOf: ContextOf): void {
  for (const name of Object.keys(handlers) as HandlerName[]) {
    const route = routeOf(name);
    // One handler for every route: the contract ties input and reply to the name, which this loop cannot express.
    const handle = handlers[name] as (input: Record<string, unknown>, context: CallContext) => Promise<unknown>;
    app.route({
      method: route.method,
      url: fastifyPath(route.path),
      config: { name, access: route.access },
      handler: async (request, reply) => {
        const result = await handle(inputOf(route, request), { ...contextOf(request), header: (field, value) => void reply.header(field, value) });
        await sendDocument(reply, route, result);
      },
    });
  }
}

/** Only what the contract names leaves the house. */
export function sendDocument(reply: FastifyReply, route: Route, document: unknown, status = route.reply.status): FastifyReply {
  if (route.reply.schema === null) throw new Error(`${route.path} has no document`);
  return reply
    .code(status)
    .type(JSON_REPLY)
    .send(JSON.stringify(route.reply.schema.parse(document)));
}

/** JSON only, and strictly. An empty body counts as none. */
export function useStrictJson(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser<Buffer>(/^application\/json(\s*;.*)?$/i, { parseAs: 'buffer' }, (_request, body, done) => {
    try {
      done(null, body.length === 0 ? undefined : parseStrictJson(body));
    } catch (error) {
      done(error instanceof JsonError ? new ApiProblem(400, 'malformed', error.message) : (error as Error));
    }
  });
}

const PATTERNS = (Object.keys(contract) as RouteName[]).map((name) => {
  const { method, path } = contract[name as keyof Contract];
  return { method: method as Method, pattern: new RegExp(`^${path.replace(/[.]/g, '\\.').replace(/\{\w+\}/g, '[^/]+')}$`) };
});

/** Methods that exist at a path; empty: no such path. */
export function methodsAt(path: string): string[] {
  const methods = new Set<string>(PATTERNS.filter((p) => p.pattern.test(path)).map((p) => p.method));
  // A stream has no end and so no HEAD.
  if (methods.has('GET') && path !== contract.stream.path) methods.add('HEAD');
  return [...methods].sort();
}
