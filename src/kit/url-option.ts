import { z } from 'zod';

/** Why `text` may not be used as an address, or null. */
export function urlProblem(text: string): string | null {
  const url = URL.parse(text);
  if (url === null || (url.protocol !== 'http:' && url.protocol !== 'https:')) return 'must be an http:// or https:// URL';
  if (url.username !== '' || url.password !== '') return 'must not contain a user or password: use auth instead';
  if (url.hash !== '') return 'must not contain a # part';
  return null;
}

/** An option that holds an http or https URL without credentials. */
export const urlOption = z
  .string()
  .max(4096)
  .superRefine((text, context) => {
    const problem = urlProblem(text);
    if (problem !== null) context.addIssue({ code: 'custom', message: problem });
  });

/** `base` with `path` behind it, with one slash between. A query string of `base` is kept. */
export function joinUrl(base: string, path: string): string {
  const url = new URL(base);
  const [tail, query] = splitOnce(path, '?');
  url.pathname = `${url.pathname.replace(/\/$/, '')}/${tail.replace(/^\//, '')}`;
  if (query !== '') url.search = url.search === '' ? query : `${url.search}&${query}`;
  return url.href;
}

function splitOnce(text: string, separator: string): [string, string] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + separator.length)];
}
