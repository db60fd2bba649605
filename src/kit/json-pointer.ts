import { z } from 'zod';

/** An option that holds a JSON pointer (RFC 6901): `""` is the whole document, `/a/0/b` goes down. */
export const jsonPointer = z
  .string()
  .max(500)
  .regex(/^(?:\/(?:[^~/]|~[01])*)*$/, 'must be a JSON pointer such as /queue/ready or /items/0/value (~1 stands for /, ~0 for ~)');

/** What stands at `pointer`; undefined when nothing does. Only own properties: never the prototype's. */
export function readPointer(document: unknown, pointer: string): unknown {
  let here: unknown = document;
  for (const raw of pointer.split('/').slice(1)) {
    const key = raw.replaceAll('~1', '/').replaceAll('~0', '~');
    if (typeof here !== 'object' || here === null) return undefined;
    if (Array.isArray(here) && !/^(?:0|[1-9]\d{0,8})$/.test(key)) return undefined;
    if (!Object.hasOwn(here, key)) return undefined;
    here = (here as Record<string, unknown>)[key];
  }
  return here;
}
