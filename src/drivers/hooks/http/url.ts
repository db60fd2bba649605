import { type Fields, fill } from '../../../kit/fill.ts';
import { DriverError } from '../../../ports/errors.ts';

/** Fields in a URL: in the host only what a host may hold, everywhere else URL-encoded. So a value can never lead the request elsewhere. */
export function fillUrl(text: string, fields: Fields): string {
  const [, scheme = '', authority = '', rest = ''] = /^([a-z]+:\/\/)?([^/?#]*)(.*)$/is.exec(text) ?? [];
  return `${scheme}${fill(authority, fields, hostPart)}${fill(rest, fields, (value) => encodeURIComponent(value))}`;
}

function hostPart(value: string, name: string): string {
  if (/^[0-9a-f:.]*:[0-9a-f:.]*$/i.test(value)) return `[${value}]`; // IPv6
  if (!/^[A-Za-z0-9._-]+$/.test(value)) throw new DriverError('bad-request', `the value of {{${name}}} cannot be part of a host name`);
  return value;
}
