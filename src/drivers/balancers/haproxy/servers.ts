/** One server of the backend, from `show servers state` and `show stat` together. Pure. */

import { replyError } from '../../../kit/haproxy-runtime.ts';
import { parseStat, type StatRow, statNumber } from '../../../kit/haproxy-stat.ts';
import type { Member } from '../../../ports/balancer.ts';
import { DriverError } from '../../../ports/errors.ts';

/** Bits of srv_admin_state. CMAINT alone means "was `disabled` in the configuration" and stays while the server serves. */
const ADMIN_MAINT = 0x23;
const ADMIN_DRAIN = 0x18;
const ADMIN_CONFIG_DISABLED = 0x04;
/** Bits of srv_check_state. */
const CHECK_IN_PROGRESS = 0x01;
const CHECK_CONFIGURED = 0x02;

export interface Server {
  readonly name: string;
  /** As HAProxy prints it; `-` for a name that was never resolved. */
  readonly address: string;
  readonly port: number;
  readonly maint: boolean;
  readonly drain: boolean;
  readonly configDisabled: boolean;
  /** Named by a DNS name that HAProxy resolves: never ours. */
  readonly resolved: boolean;
  /** Operational: it would get traffic if its administrative state let it. */
  readonly up: boolean;
  readonly checkConfigured: boolean;
  readonly checkInProgress: boolean;
  readonly weight: number;
  readonly initialWeight: number;
  /** `UP`, `DOWN 1/3`, `DRAIN`, `MAINT`, `no check`, …; empty where the statistics do not list it. */
  readonly status: string;
  /** `L7OK`, `L4CON`, `INI`, …, without the mark of a check under way. */
  readonly checkStatus: string;
  readonly lastCheck: string;
  /** Open sessions and requests waiting for this server. */
  readonly sessions: number;
  /** Connections kept open for re-use. */
  readonly idle: number;
}

/** Both replies of one connection. Throws what HAProxy answered instead. */
export function parseServers(backend: string, stateReply: string, statReply: string): Server[] {
  const stats = new Map<string, StatRow>();
  if (!statReply.startsWith('# ')) throw replyError(statReply, 'show stat');
  for (const row of parseStat(`${statReply}\n`)) if (row['pxname'] === backend) stats.set(row['svname'] ?? '', row);
  const [version, header, ...lines] = stateReply.split('\n');
  if (version?.trim() !== '1' || !header?.startsWith('# ')) throw replyError(stateReply, `show servers state ${backend}`);
  const names = header.slice(2).split(' ');
  const servers: Server[] = [];
  for (const line of lines) {
    const values = line.split(' ');
    if (values.length < names.length) throw new DriverError('bad-reply', 'a line of `show servers state` is cut off');
    const fields = new Map(names.map((name, i) => [name, values[i] ?? '']));
    if (fields.get('be_name') === backend) servers.push(toServer(fields, stats.get(fields.get('srv_name') ?? '')));
  }
  return servers;
}

function toServer(fields: ReadonlyMap<string, string>, stat: StatRow | undefined): Server {
  const number = (name: string, most = Number.MAX_SAFE_INTEGER): number => {
    const text = fields.get(name) ?? '';
    // `Number` would read nothing at all as 0, which means something in every one of these columns.
    if (!/^\d+$/.test(text) || Number(text) > most) throw new DriverError('bad-reply', `\`show servers state\` has no such number in ${name}`);
    return Number(text);
  };
  // Columns that this version does not have, or leaves empty, count nothing; a text that is no count must not look like an idle server.
  const count = (name: string): number => {
    if ((stat?.[name] ?? '') === '') return 0;
    const value = stat === undefined ? null : statNumber(stat, name);
    if (value === null) throw new DriverError('bad-reply', `\`show stat\` has no count in ${name}`);
    return value;
  };
  const admin = number('srv_admin_state');
  const operational = number('srv_op_state');
  return {
    name: fields.get('srv_name') ?? '',
    address: fields.get('srv_addr') ?? '-',
    port: number('srv_port', 65_535),
    maint: (admin & ADMIN_MAINT) !== 0,
    drain: (admin & ADMIN_DRAIN) !== 0,
    configDisabled: (admin & ADMIN_CONFIG_DISABLED) !== 0,
    resolved: (fields.get('srv_fqdn') ?? '-') !== '-',
    up: operational === 1 || operational === 2, // starting (slowstart) or running
    checkConfigured: (number('srv_check_state') & CHECK_CONFIGURED) !== 0,
    checkInProgress: (number('srv_check_state') & CHECK_IN_PROGRESS) !== 0,
    weight: number('srv_uweight'),
    initialWeight: number('srv_iweight'),
    status: stat?.['status'] ?? '',
    checkStatus: (stat?.['check_status'] ?? '').replace(/^\* /, ''),
    lastCheck: stat?.['last_chk'] ?? '',
    // A connection in use outlives its session for a moment: the larger of both is what is really open.
    sessions: Math.max(count('scur'), count('used_conn_cur')) + count('qcur'),
    idle: count('idle_conn_cur'),
  };
}

/** HAProxy's check of it has passed since it left maintenance with its health set to down. `DRAIN 1/2` has not: that is
 *  what a server restored from a state file shows before its first check. */
export function checkPassed(server: Server): boolean {
  return server.drain && !server.maint && server.up && server.status === 'DRAIN' && /^(L[467]OK|PROCOK)$/.test(server.checkStatus);
}

export function toMember(server: Server, ref: string, joining: boolean): Member {
  const state = server.maint ? 'out' : joining ? 'joining' : server.drain ? 'draining' : 'ready';
  const unchecked = server.maint || server.status === 'no check' || server.checkStatus === '' || server.checkStatus === 'UNK' || server.checkStatus === 'INI';
  const health = !server.maint && !server.up ? 'down' : unchecked ? 'unknown' : 'up';
  return { ref, address: server.address, port: server.port, state, health, sessions: server.sessions };
}
