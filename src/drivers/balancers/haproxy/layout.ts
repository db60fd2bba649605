/** Which servers of a backend are ours, and which slot is free. Pure. */
import { parseTarget } from '../../../kit/haproxy-runtime.ts';
import { DriverError } from '../../../ports/errors.ts';
import type { HaproxyOptions } from './options.ts';
import type { Server } from './servers.ts';

export interface Layout {
  readonly mode: 'slots' | 'dynamic';
  /** What slots are named, before their number; null without slots. */
  readonly prefix: string | null;
  /** Slots by name, used and free ones. */
  readonly slots: ReadonlyMap<string, Server>;
  /** Servers that are ours and hold a member. */
  readonly members: readonly Server[];
  readonly placeholder: { readonly host: string; readonly port: number };
}

type LayoutOptions = Pick<HaproxyOptions, 'mode' | 'slots' | 'placeholder' | 'prefix' | 'backend'>;

/** `known`: the prefix found earlier; when all slots are in use, or on their way, it may not be seen from the servers alone. */
export function layoutOf(servers: readonly Server[], options: LayoutOptions, known: string | null = null): Layout {
  const placeholder = parseTarget(options.placeholder) ?? { host: '127.0.0.1', port: 1 };
  const prefix = options.mode === 'dynamic' ? null : (options.slots ?? detectPrefix(servers, placeholder, options.backend) ?? known);
  // Detected slots must carry the mark of `disabled`: a fixed server of a similar name does not.
  const isSlot = (s: Server) => prefix !== null && !s.resolved && numbered(s.name, prefix) && (options.slots !== undefined || s.configDisabled);
  const slots = new Map(servers.filter(isSlot).map((s) => [s.name, s]));
  const members = servers.filter((s) => (slots.has(s.name) ? !isPlaceholder(s, placeholder) : s.name.startsWith(options.prefix)));
  const mode = options.mode === 'auto' ? (slots.size > 0 ? 'slots' : 'dynamic') : options.mode;
  return { mode, prefix: slots.size > 0 ? prefix : null, slots, members, placeholder };
}

function numbered(name: string, prefix: string): boolean {
  return name.startsWith(prefix) && /^\d+$/.test(name.slice(prefix.length));
}

export function isPlaceholder(server: Pick<Server, 'address' | 'port'>, placeholder: Layout['placeholder']): boolean {
  if (server.port === 0 || server.address === '-' || server.address === '0.0.0.0' || server.address === '::') return true;
  return server.port === placeholder.port && sameAddress(server.address, placeholder.host);
}

/** The prefix of a `server-template … disabled`: of one that has free slots, or (all in use) of two or more in a row of which one serves. */
function detectPrefix(servers: readonly Server[], placeholder: Layout['placeholder'], backend: string): string | null {
  const groups = new Map<string, { server: Server; n: number }[]>();
  for (const server of servers) {
    const found = /^(.*?\D|)(\d+)$/.exec(server.name);
    if (!found || !server.configDisabled || server.resolved) continue;
    const prefix = found[1] ?? '';
    groups.set(prefix, [...(groups.get(prefix) ?? []), { server, n: Number(found[2]) }]);
  }
  const inARow = (group: { n: number }[]) =>
    group
      .map((g) => g.n)
      .sort((a, b) => a - b)
      .every((n, i, all) => i === 0 || n === (all[i - 1] ?? 0) + 1);
  const found = [...groups].filter(
    ([, group]) => group.some((g) => isPlaceholder(g.server, placeholder)) || (group.length > 1 && group.some((g) => !g.server.maint) && inARow(group)),
  );
  if (found.length > 1) {
    const names = found.map(([prefix]) => `\`${prefix}\``).join(', ');
    throw new DriverError('bad-request', `backend ${backend} has several server-templates (${names}): say which is Drover’s with \`slots:\``);
  }
  return found[0]?.[0] ?? null;
}

/** A slot nothing uses and nothing lingers in. `taken`: being filled right now. Null: none, or (busy) none yet. */
export function chooseSlot(layout: Layout, taken: ReadonlySet<string>): { readonly slot: Server | null; readonly busy: boolean } {
  const idle = [...layout.slots.values()].filter((s) => !taken.has(s.name));
  const empty = idle.filter((s) => isPlaceholder(s, layout.placeholder));
  // Last resort: left behind in maintenance by a detach that never got to its end.
  const left = idle.filter((s) => s.maint && !isPlaceholder(s, layout.placeholder));
  const candidates = [...empty, ...left];
  // Sessions would be counted on the new member, kept connections and a check under way still go to the old one.
  const slot = candidates.find((s) => s.sessions === 0 && s.idle === 0 && !s.checkInProgress) ?? null;
  return { slot, busy: slot === null && candidates.length > 0 };
}

/** The balancer's name for a member. */
export function refOf(server: Server, layout: Layout): string {
  return layout.slots.has(server.name) ? slotRef(server) : server.name;
}

/** Has the address in it: a late detach of the slot's previous member finds nothing. */
export function slotRef(server: Server): string {
  return `${server.name}@${hostPort(server.address, server.port)}`;
}

export function findByRef(layout: Layout, ref: string): Server | null {
  return layout.members.find((s) => refOf(s, layout) === ref) ?? null;
}

export function findByAddress(layout: Layout, address: string, port: number): Server | null {
  return layout.members.find((s) => s.port === port && sameAddress(s.address, address)) ?? null;
}

export function hostPort(address: string, port: number): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}

/** An IP address in its one written form; null: not an IP address (HAProxy resolves no names at run time). */
export function canonicalIp(address: string): string | null {
  if (/^[0-9a-fA-F:.]*:[0-9a-fA-F:.]*$/.test(address)) return URL.parse(`http://[${address}]/`)?.hostname ?? null;
  const parts = address.split('.');
  return parts.length === 4 && parts.every((p) => /^\d{1,3}$/.test(p) && Number(p) < 256) ? parts.map(Number).join('.') : null;
}

export function sameAddress(a: string, b: string): boolean {
  return a === b || (canonicalIp(a) !== null && canonicalIp(a) === canonicalIp(b));
}
