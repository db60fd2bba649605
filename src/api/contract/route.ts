/** What a route is, and the fields several routes share. */
import { z } from 'zod';

export type Role = 'viewer' | 'operator' | 'admin';
/** `open`: nobody is asked. `scrape`: open on a loopback listener, else any role. `receiver`: the receiver's own authentication. */
export type Access = Role | 'open' | 'scrape' | 'receiver';
export type Method = 'GET' | 'POST' | 'DELETE';

export interface Route {
  readonly method: Method;
  /** With `{name}` for parameters. */
  readonly path: string;
  readonly tag: 'look' | 'act' | 'instances' | 'config' | 'admin' | 'world';
  readonly access: Access;
  readonly summary: string;
  readonly params?: z.ZodObject;
  readonly query?: z.ZodObject;
  readonly body?: z.ZodObject;
  readonly reply: {
    readonly status: number;
    /** Null: not JSON. */
    readonly schema: z.ZodType | null;
    readonly type?: string;
  };
}

/** Keeps the exact types of one route. */
export function route<const R extends Route>(it: R): R {
  return it;
}
export function ok<const S extends z.ZodType>(schema: S): { readonly status: 200; readonly schema: S } {
  return { status: 200, schema };
}

export const name = z.string().min(1).max(200);
export const group = { group: name.describe('Name of the group.') };
export const inGroup = z.strictObject(group);
export const inInstance = z.strictObject({ instance: name.describe('Our name of the instance, e.g. `web-7`.') });
export const ofDecision = z.strictObject({ decision: name.describe('Id of the decision.') });
export const reason = z.string().max(500).nullable().default(null).describe('Why, for the record. At most 500 characters.');
export const size = z.int().min(0).max(100_000);
/** A year and a day: longer is a change of the configuration. */
export const MAX_FOR_S = 366 * 86_400;
export const flag = z.enum(['true', 'false']).default('false');
export const page = {
  before: z.string().max(200).optional().describe('Cursor: the `next` of the page before.'),
  limit: z.coerce.number<number>().int().min(1).max(1000).default(100).describe('Rows, 1 to 1000.'),
};
export const zone = z.strictObject({ zone: z.string().max(60).optional().describe('Time zone for times in the text, e.g. `Europe/Berlin`. Default UTC.') });
export const configText = z.string().max(262_144).describe('The whole file as text, at most 256 KiB.');
