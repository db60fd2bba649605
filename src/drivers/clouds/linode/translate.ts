/** Between Linode's words and ours. */
import { linodeTimeMs } from '../../../kit/linode-api.ts';
import type { Machine, OwnerTags } from '../../../ports/cloud.ts';
import type { LinodeReply } from './replies.ts';

const HOUR_MS = 3_600_000;

/** A word we do not know is taken for one of a passing state, which proves nothing: neither that it runs nor that it is gone. */
export function stateOf(status: string): Machine['state'] {
  switch (status) {
    case 'running':
      return 'running';
    case 'offline':
    case 'stopped': // for maintenance by Linode
    case 'billing_suspension':
      return 'stopped';
    case 'deleting':
      return 'deleting';
    default:
      // provisioning, booting, rebooting, busy, shutting_down, migrating, rebuilding, cloning, restoring, resizing
      return 'pending';
  }
}

export function toMachine(
  reply: LinodeReply,
  known: { readonly owner: OwnerTags | null; readonly address: string | null; readonly pricePerHour: number | null; readonly nowMs: number },
): Machine {
  const createdAtMs = linodeTimeMs(reply.created);
  return {
    id: String(reply.id),
    owner: known.owner,
    name: reply.label,
    state: stateOf(reply.status),
    address: known.address,
    port: null,
    zone: reply.region,
    createdAtMs,
    pricePerHour: known.pricePerHour,
    paidUntilMs: createdAtMs === null ? null : paidUntilMs(createdAtMs, known.nowMs),
  };
}

/** Hours are billed whole, from the creation on. */
export function paidUntilMs(createdAtMs: number, nowMs: number): number {
  return createdAtMs + Math.max(1, Math.ceil((nowMs - createdAtMs) / HOUR_MS)) * HOUR_MS;
}
