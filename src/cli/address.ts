import { usageError } from './cli-error.ts';

/** `HOST:PORT`, `[::1]:PORT`, `:PORT` or `PORT`; port 0 takes any free one. */
export function addressOf(text: string, what: string, defaultHost = '127.0.0.1'): { readonly host: string; readonly port: number } {
  const found = /^(?:(?:\[([0-9a-fA-F:.]+)\]|([A-Za-z0-9.-]*)):)?(\d{1,5})$/.exec(text);
  const port = Number(found?.[3]);
  if (found === null || port > 65_535) throw usageError(`${what} is HOST:PORT, e.g. 127.0.0.1:8470, not \`${text}\``);
  return { host: found[1] ?? (found[2] || defaultHost), port };
}
