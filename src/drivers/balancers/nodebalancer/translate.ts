/** Between a NodeBalancer's words and ours. */
import type { Member } from '../../../ports/balancer.ts';
import { DriverError } from '../../../ports/errors.ts';
import type { NodeReply } from './replies.ts';

export function hostPort(address: string, port: number): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}

function parseAddress(text: string): { address: string; port: number } {
  const found = /^(?:\[([0-9a-fA-F:.]+)\]|([^:]+)):(\d{1,5})$/.exec(text);
  const port = Number(found?.[3]);
  if (found === null || port < 1 || port > 65_535) throw new DriverError('bad-reply', 'a node of the NodeBalancer has an address that is not HOST:PORT');
  return { address: found[1] ?? found[2] ?? '', port };
}

/** The case of the words differs between the documentation and the answers. */
export function healthOf(node: NodeReply): Member['health'] {
  const status = (node.status ?? '').toLowerCase();
  return status === 'up' ? 'up' : status === 'down' ? 'down' : 'unknown';
}

/** `checked`: the NodeBalancer checks its nodes. `joining`: an attach of it is under way. */
export function toMember(node: NodeReply, checked: boolean, joining: boolean): Member {
  const health = healthOf(node);
  return { ref: String(node.id), ...parseAddress(node.address), state: stateOf(node, checked, joining), health, sessions: null };
}

function stateOf(node: NodeReply, checked: boolean, joining: boolean): Member['state'] {
  if (node.mode === 'drain') return 'draining';
  // `backup` gets traffic only when nobody else can take it, `reject` never.
  if (node.mode !== 'accept') return 'out';
  const health = healthOf(node);
  if (!checked || health === 'up') return 'ready';
  return joining || health === 'unknown' ? 'joining' : 'ready';
}
