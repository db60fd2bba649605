/** Small facts about HTTP that several parts of the API share. */

const BASE_HEADERS: Readonly<Record<string, string>> = {
  'content-security-policy': "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-resource-policy': 'same-origin',
  'cache-control': 'no-store',
};

/** On every answer, errors included. */
export function securityHeaders(tls: boolean): Readonly<Record<string, string>> {
  return tls ? { ...BASE_HEADERS, 'strict-transport-security': 'max-age=31536000' } : BASE_HEADERS;
}

/** An address or host name that only this machine reaches. */
export function isLoopback(host: string): boolean {
  const bare = host.replace(/^\[|\]$/g, '').toLowerCase();
  return bare === 'localhost' || bare === '::1' || /^127(\.\d{1,3}){3}$/.test(bare);
}

/** The host of a Host header, without its port. */
export function hostOf(header: string | undefined): string {
  return (header ?? '').replace(/:\d*$/, '');
}

/** Lower-case names; a list where a header came more than once. Node itself would join most of them into one value. */
export function distinctHeaders(raw: readonly string[]): Readonly<Record<string, string | readonly string[]>> {
  const headers: Record<string, string | string[]> = Object.create(null);
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const [name, value] = [(raw[i] ?? '').toLowerCase(), raw[i + 1] ?? ''];
    const before = headers[name];
    headers[name] = before === undefined ? value : typeof before === 'string' ? [before, value] : [...before, value];
  }
  return headers;
}

/** Where a request came from, for counting failures: IPv6 networks of one customer are one source. */
export function sourceOf(address: string): string {
  const v4 = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address);
  if (v4 !== null) return v4[1] ?? address;
  if (!address.includes(':')) return address;
  const [head = '', tail = ''] = address.split('::');
  const groups = head.split(':').filter((g) => g !== '');
  const rest = tail.split(':').filter((g) => g !== '');
  const all = address.includes('::') ? [...groups, ...Array<string>(Math.max(0, 8 - groups.length - rest.length)).fill('0'), ...rest] : groups;
  return `${all.slice(0, 4).join(':')}::/64`;
}

/** Query parameters in which people put credentials. */
const CREDENTIAL_PARAMETERS = new Set(['token', 'access_token', 'auth_token', 'api_key', 'apikey', 'key', 'password', 'secret']);

/** Where senders made for Jenkins have their token in the address. */
export const GENERIC_WEBHOOK = '/generic-webhook-trigger/invoke';

export function hasCredentialInQuery(url: string): boolean {
  const at = url.indexOf('?');
  if (at < 0) return false;
  // Taken there only; no log ever has a query.
  const allowed = url.slice(0, at) === GENERIC_WEBHOOK ? 'token' : null;
  for (const name of new URLSearchParams(url.slice(at + 1)).keys()) if (CREDENTIAL_PARAMETERS.has(name.toLowerCase()) && name !== allowed) return true;
  return false;
}

/** The path of a request target. */
export function pathOf(url: string): string {
  const at = url.indexOf('?');
  return at < 0 ? url : url.slice(0, at);
}
