/** HAProxy's Runtime API as text: one line in, replies out, the peer closes. Shared by the balancer and the source. */
import { DriverError } from '../ports/errors.ts';
import type { Sockets, SocketTarget } from '../ports/sockets.ts';
import { excerpt } from './redact.ts';

/** A dump of some 10,000 servers. */
const MAX_REPLY_BYTES = 16 * 1024 * 1024;
/** HAProxy reads a line into one buffer (tune.bufsize, 16 KiB by default). */
const MAX_LINE_BYTES = 8 * 1024;
/** HAProxy serves 10 connections to its stats sockets at once by default (stats maxconn); others have to get through too. */
const MAX_CONNECTIONS = 4;

export interface HaproxyRuntime {
  /** Runs one line that changes something; the text of the reply, trimmed. Success is mostly empty. Several commands may be
   *  joined by `;`: their replies run together. */
  change(line: string, signal: AbortSignal): Promise<string>;
  /** Runs commands whose replies are never empty, in one connection: one reply each, in order, known to be complete. */
  read(commands: readonly string[], signal: AbortSignal): Promise<string[]>;
}

/** `HOST:PORT` or `[IPV6]:PORT`; null when it is neither. */
export function parseTarget(address: string): { readonly host: string; readonly port: number } | null {
  const found = /^(?:\[([0-9a-fA-F:.]+)\]|([^\s:[\]]+)):(\d{1,5})$/.exec(address);
  const host = found?.[1] ?? found?.[2];
  const port = Number(found?.[3]);
  return host === undefined || port < 1 || port > 65_535 ? null : { host, port };
}

export function openRuntime(sockets: Sockets, target: SocketTarget, timeoutMs: number): HaproxyRuntime {
  const slots = limitTo(MAX_CONNECTIONS);
  const exchange = (line: string, signal: AbortSignal): Promise<string> =>
    slots(async () => {
      if (/[\r\n]/.test(line) || line.includes('<<') || line.length > MAX_LINE_BYTES) {
        throw new DriverError('bad-request', 'this cannot be said to HAProxy in one line: it has a line break or `<<`, or is longer than 8 KiB');
      }
      const text = await sockets.exchange(target, `${line}\n`, { timeoutMs, maxBytes: MAX_REPLY_BYTES, signal });
      // Even success is an empty line: nothing at all means that HAProxy went away in the middle.
      if (!text.endsWith('\n')) throw new DriverError('unreachable', 'HAProxy closed the connection before its answer was complete');
      refuseCommon(text);
      return text;
    });
  return {
    change: async (line, signal) => (await exchange(line, signal)).trim(),
    read: async (commands, signal) => {
      const text = await exchange(commands.join('; '), signal);
      // Every reply ends with an empty line; without it the dump was cut off.
      if (!text.endsWith('\n\n')) throw new DriverError('bad-reply', `HAProxy did not finish its answer to \`${commands.join('; ')}\``);
      const replies = text
        .split('\n\n')
        .map((reply) => reply.trim())
        .filter((reply) => reply !== '');
      if (replies.length !== commands.length) throw replyError(replies.join(' '), commands.join('; '));
      return replies;
    },
  };
}

/** What every command may be answered with. */
function refuseCommon(text: string): void {
  if (/^Permission denied/m.test(text)) {
    throw new DriverError('unauthorized', 'HAProxy refused the command (Permission denied): write `level admin` on its `stats socket` line');
  }
  if (/^Unknown command/m.test(text)) {
    throw new DriverError(
      'bad-request',
      'this HAProxy does not know the command (Unknown command): it is older than 2.4, or a `;` or line break got into an option',
    );
  }
}

const KNOWN: readonly (readonly [RegExp, ConstructorParameters<typeof DriverError>[0], string])[] = [
  [/No such backend|Can't find backend|No such proxy/, 'not-found', 'HAProxy has no such backend'],
  [/No such server/, 'not-found', 'HAProxy has no such server'],
  [/Already exists a server/, 'conflict', 'the backend already has a server of this name'],
  [/maintenance mode can be deleted|still has connections/, 'conflict', 'the server is still in use'],
  [/cannot be removed at runtime|Only servers added at runtime/, 'bad-request', 'the configuration of HAProxy keeps this server'],
  [
    /dynamic load balancing|does not support dynamic servers/,
    'bad-request',
    'servers cannot be added to this backend; give it `balance roundrobin` or `leastconn`, or use slots',
  ],
  [
    /'check' option is not accepted/,
    'bad-request',
    'this HAProxy (2.4) cannot check servers added at run time; use slots (`server-template`), or `check: false`',
  ],
  [/option is not accepted for dynamic server|unknown keyword/, 'bad-request', 'HAProxy refuses a word of `server_options`'],
  [/between 0 and 256|Relative weight|static LB algorithm/i, 'bad-request', 'HAProxy refuses the weight'],
  [/^Invalid addr/m, 'bad-request', 'HAProxy refuses the address'],
  [/experimental mode/, 'bad-request', 'HAProxy holds the command back as experimental'],
];

/** A text that is not the expected reply, as an error: with our words for known ones, always with HAProxy's own. */
export function replyError(reply: string, command: string): DriverError {
  const clipped = excerpt(reply);
  for (const [pattern, code, words] of KNOWN) {
    if (pattern.test(reply)) return new DriverError(code, `${words} (\`${command}\`: ${clipped})`);
  }
  return new DriverError('bad-reply', `HAProxy answered \`${command}\` with something unexpected: ${clipped}`);
}

function limitTo(count: number): <T>(run: () => Promise<T>) => Promise<T> {
  let free = count;
  const waiting: (() => void)[] = [];
  return async (run) => {
    if (free > 0) free--;
    else await new Promise<void>((go) => waiting.push(go));
    try {
      return await run();
    } finally {
      const next = waiting.shift();
      if (next) next();
      else free++;
    }
  };
}
