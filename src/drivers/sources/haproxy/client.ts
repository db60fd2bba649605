/** The rows of one proxy section, over the Runtime API or the statistics page. */
import { readCa } from '../../../kit/ca-option.ts';
import { durationMs } from '../../../kit/duration-text.ts';
import { openRuntime, parseTarget, replyError } from '../../../kit/haproxy-runtime.ts';
import { parseStat, type StatRow } from '../../../kit/haproxy-stat.ts';
import { credentials } from '../../../kit/http-auth.ts';
import { httpCall } from '../../../kit/http-call.ts';
import type { DriverPorts } from '../../../ports/driver.ts';
import { DriverError } from '../../../ports/errors.ts';
import type { HaproxySourceOptions } from './options.ts';

/** Rows of the section of this name; none: HAProxy has no such section. Throws DriverError. */
export type ReadRows = (proxy: string, signal: AbortSignal) => Promise<StatRow[]>;

export function openClient(options: HaproxySourceOptions, ports: DriverPorts): ReadRows {
  return options.url === undefined ? overRuntime(options, ports) : overHttp(options, options.url, ports);
}

function overRuntime(options: HaproxySourceOptions, ports: DriverPorts): ReadRows {
  const target = options.socket === undefined ? parseTarget(options.address ?? '') : { path: ports.files.resolve(ports.baseDir, options.socket) };
  if (target === null) throw new DriverError('bad-request', 'haproxy: write one of `socket`, `address` and `url`');
  const runtime = openRuntime(ports.sockets, target, durationMs(options.timeout));
  return async (proxy, signal) => {
    const command = `show stat ${proxy} 7 -1`;
    const [reply = ''] = await runtime.read([command], signal);
    if (/^No such proxy/.test(reply)) return [];
    if (!reply.startsWith('# ')) throw replyError(reply, command);
    return parseStat(`${reply}\n`).filter((row) => row['pxname'] === proxy);
  };
}

function overHttp(options: HaproxySourceOptions, page: string, ports: DriverPorts): ReadRows {
  const url = page.includes(';') ? page : `${page};csv;norefresh`;
  return async (proxy, signal) => {
    const { headers, redact } = await credentials(options, ports.secrets);
    const ca = await readCa(options.ca, ports);
    const call = {
      method: 'GET',
      url,
      headers,
      redact,
      ca,
      timeoutMs: durationMs(options.timeout),
      maxBytes: 16 * 1024 * 1024,
      who: 'HAProxy',
      signal,
    } as const;
    const { text } = await httpCall(ports, call);
    return parseStat(text).filter((row) => row['pxname'] === proxy);
  };
}
