/** A config of a NodeBalancer: one port, its checks and its algorithm. */

import type { CheckSpec, FrontendSpec } from '../balancing/balancing.ts';
import type { Fields } from './fields.ts';
import type { ConfigSettings } from './model.ts';

/** As the document says. */
export const DEFAULT_SETTINGS: ConfigSettings = {
  port: 80,
  protocol: 'http',
  algorithm: 'roundrobin',
  stickiness: 'none',
  check: 'none',
  check_interval: 31,
  check_timeout: 30,
  check_attempts: 3,
  check_path: '',
  check_body: '',
  check_passive: true,
  cipher_suite: 'recommended',
};

/** The settings after the change that `fields` asks for. Complaints are left in `fields`. */
export function readSettings(fields: Fields, before: ConfigSettings): ConfigSettings {
  refuseUnemulated(fields);
  const settings = {
    port: fields.whole('port', 1, 65_535) ?? before.port,
    protocol: (fields.text('protocol', { oneOf: ['http', 'tcp', 'https', 'udp'] }) ?? before.protocol) as ConfigSettings['protocol'],
    algorithm: (fields.text('algorithm', { oneOf: ['roundrobin', 'leastconn', 'source'] }) ?? before.algorithm) as ConfigSettings['algorithm'],
    stickiness: (fields.text('stickiness', { oneOf: ['none', 'table', 'http_cookie'] }) ?? before.stickiness) as ConfigSettings['stickiness'],
    check: (fields.text('check', { oneOf: ['none', 'connection', 'http', 'http_body'] }) ?? before.check) as ConfigSettings['check'],
    check_interval: fields.whole('check_interval', 2, 3600) ?? before.check_interval,
    check_timeout: fields.whole('check_timeout', 1, 30) ?? before.check_timeout,
    check_attempts: fields.whole('check_attempts', 1, 30) ?? before.check_attempts,
    check_path:
      fields.text('check_path', { max: 255, pattern: /^[a-zA-Z0-9/%?&=._-]*$/, why: 'Must only use letters, numbers and /-%?&=.' }) ?? before.check_path,
    check_body: fields.text('check_body', { max: 255 }) ?? before.check_body,
    check_passive: fields.flag('check_passive') ?? before.check_passive,
    cipher_suite: (fields.text('cipher_suite', { oneOf: ['recommended', 'legacy'] }) ?? before.cipher_suite) as ConfigSettings['cipher_suite'],
  };
  if (settings.check !== 'none' && settings.check_interval <= settings.check_timeout) fields.fail('check_interval', 'Must be greater than check_timeout');
  if ((settings.check === 'http' || settings.check === 'http_body') && !settings.check_path.startsWith('/')) {
    fields.fail('check_path', 'check_path is required for HTTP checks and must begin with a slash');
  }
  if (settings.check === 'http_body' && settings.check_body === '') fields.fail('check_body', 'check_body is required for HTTP body checks');
  if (settings.protocol === 'tcp' && settings.stickiness === 'http_cookie') fields.fail('stickiness', 'Cookie stickiness is only available for HTTP and HTTPS');
  return settings;
}

/** What the vendor has and the emulator does not is refused rather than faked. */
function refuseUnemulated(fields: Fields): void {
  const protocol = fields.text('protocol');
  if (protocol === 'https' || protocol === 'udp') fields.fail('protocol', `${protocol} is not emulated: use http or tcp`);
  const proxy = fields.text('proxy_protocol', { oneOf: ['none', 'v1', 'v2'] }) ?? 'none';
  if (proxy !== 'none') fields.fail('proxy_protocol', `proxy_protocol ${proxy} is not emulated: use none`);
}

export function frontendSpec(settings: ConfigSettings, address: string, timeFactor: number): FrontendSpec {
  const check: CheckSpec = {
    kind: settings.check === 'http_body' ? 'http-body' : settings.check,
    path: settings.check_path,
    body: settings.check_body,
    intervalMs: (settings.check_interval * 1000) / timeFactor,
    timeoutMs: Math.max(200, (settings.check_timeout * 1000) / timeFactor),
    attempts: settings.check_attempts,
    passive: settings.check_passive,
  };
  const { port, protocol, algorithm } = settings;
  return { address, port, protocol, algorithm, stickiness: settings.stickiness === 'http_cookie' ? 'http-cookie' : settings.stickiness, check };
}
