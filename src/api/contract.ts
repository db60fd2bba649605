/**
 * Every route of the API: method, path, schemas, who may call it. The server, the OpenAPI document and the client are made from this table,
 * so it must stay importable anywhere: only the schema library and our own documents.
 */
import type { z } from 'zod';
import { act } from './contract/act.ts';
import { admin } from './contract/admin.ts';
import { config } from './contract/config.ts';
import { instances } from './contract/instances.ts';
import { look } from './contract/look.ts';
import { world } from './contract/world.ts';

export { TOKEN_NAME } from './contract/admin.ts';
export type { Access, Method, Role, Route } from './contract/route.ts';
export type * from './documents.ts';

export const contract = { ...look, ...act, ...instances, ...config, ...admin, ...world };
export type Contract = typeof contract;
export type RouteName = keyof Contract;

type Part<R, K extends 'params' | 'query' | 'body', IO extends 'input' | 'output'> = R extends { readonly [P in K]: infer S extends z.ZodType }
  ? IO extends 'input'
    ? z.input<S>
    : z.output<S>
  : Record<never, never>;
/** What a caller gives: parameters, query and body in one object. */
export type CallInput<N extends RouteName> = Part<Contract[N], 'params', 'input'> & Part<Contract[N], 'query', 'input'> & Part<Contract[N], 'body', 'input'>;
/** What a handler gets, checked and with defaults. */
export type HandlerInput<N extends RouteName> = Part<Contract[N], 'params', 'output'> &
  Part<Contract[N], 'query', 'output'> &
  Part<Contract[N], 'body', 'output'>;
/** The document of the reply. */
export type Reply<N extends RouteName> = Contract[N]['reply']['schema'] extends z.ZodType ? z.output<Contract[N]['reply']['schema']> : never;
/** Routes whose reply is one of our JSON documents. */
export type DocumentRoute = { [N in RouteName]: Contract[N]['reply']['schema'] extends z.ZodType ? N : never }[RouteName];
