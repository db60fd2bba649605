import { z } from 'zod';
import { parseTarget } from '../../../kit/haproxy-runtime.ts';
import { durationBetween, timeoutOption } from '../../../kit/timeout-option.ts';

// What HAProxy allows in names; anything else could end the command and begin another.
const NAME = /^[A-Za-z0-9_.:-]{1,128}$/;
const NAME_MESSAGE = 'letters, digits and _ . : - only, as HAProxy allows in names';
const target = (what: string) => z.string().refine((text) => parseTarget(text) !== null, `write ${what} as HOST:PORT`);

export const options = z
  .strictObject({
    socket: z.string().min(1).optional().describe('Path of the unix socket of the Runtime API (`stats socket PATH level admin`). Either this or `address`.'),
    address: target('the address')
      .optional()
      .describe(
        'HOST:PORT of the Runtime API over TCP. It has no authentication of its own: bind it to loopback or a private network. Either this or `socket`.',
      ),
    backend: z.string().regex(NAME, NAME_MESSAGE).describe('Name of the `backend` (or `listen`) section whose servers are managed.'),
    mode: z
      .enum(['auto', 'slots', 'dynamic'])
      .default('auto')
      .describe(
        '`slots`: members fill the entries of a `server-template`. `dynamic`: members are added and deleted (HAProxy 2.6 or newer). `auto`: slots where the backend has a disabled server-template, else dynamic. Default auto.',
      ),
    slots: z
      .string()
      .regex(NAME, NAME_MESSAGE)
      .optional()
      .describe(
        'Prefix of the server-template (`app` for app1, app2, …): every server named so is Drover’s. Default: found out, when the template is `disabled` as in the example.',
      ),
    placeholder: target('the placeholder')
      .default('127.0.0.1:1')
      .describe('Address of an unused slot, as in the server-template line. A slot that is given back gets it again. Default 127.0.0.1:1.'),
    prefix: z
      .string()
      .regex(NAME, NAME_MESSAGE)
      .default('drover-')
      .describe('Begin of the names of dynamic servers; servers named so are Drover’s, others are never touched. Default drover-.'),
    check: z
      .boolean()
      .default(true)
      .describe(
        'Wait for HAProxy’s own health check before a member gets traffic, and check dynamic servers. A slot whose template has no `check` joins at once. Default true.',
      ),
    server_options: z
      .string()
      .max(2000)
      .regex(/^[^\r\n;\\<]*$/, 'no line breaks and none of ; \\ <')
      .default('')
      .describe('Words for the line of a dynamic server, e.g. `inter 1s fall 2 maxconn 50`; HAProxy does not apply `default-server` to them. Default none.'),
    state_file: z
      .string()
      .min(1)
      .optional()
      .describe(
        'Where `show servers state` is saved after each change, so that a restarted HAProxy begins with its members: the path of `server-state-file`. Default: not saved.',
      ),
    timeout: timeoutOption.default('5s').describe('Limit of one exchange with HAProxy, 50ms to 60s. Default 5s.'),
    cut_after: durationBetween(0, 45_000)
      .default('10s')
      .describe(
        'How long taking a member out for good waits for its open sessions before they are cut. Draining comes before and has a limit of its own. 0s to 45s, default 10s.',
      ),
  })
  .refine((o) => (o.socket === undefined) !== (o.address === undefined), { message: 'write either `socket` or `address`', path: ['socket'] });

export type HaproxyOptions = z.output<typeof options>;
