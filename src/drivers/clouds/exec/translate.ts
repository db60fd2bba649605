/** Between the operator's words and ours. */

import type { Machine, OwnerTags } from '../../../ports/cloud.ts';
import { DriverError, type DriverErrorCode } from '../../../ports/errors.ts';
import type { MachineReply } from './replies.ts';

/** Exit codes with a meaning. Any other one leaves it open whether something was done. */
export const EXIT_CODES: Readonly<Record<number, DriverErrorCode>> = {
  10: 'unauthorized',
  11: 'not-found',
  12: 'throttled',
  13: 'no-capacity',
  14: 'quota',
  15: 'conflict',
  16: 'bad-request',
};

export function toMachine(reply: MachineReply, owner: OwnerTags | null): Machine {
  return {
    id: reply.id,
    owner,
    name: reply.name || reply.instance || reply.id,
    state: reply.state,
    address: reply.address || null,
    port: reply.port ?? null,
    zone: reply.zone || null,
    createdAtMs: reply.created_at ?? null,
    pricePerHour: reply.price_per_hour ?? null,
    paidUntilMs: reply.paid_until ?? null,
  };
}

/** Null unless every tag that tells whose machine it is came back: a half-told owner must never make a machine ours. */
export function ownerOf(reply: MachineReply): OwnerTags | null {
  const { install, group, token, instance } = reply;
  if (!install || !group || !token || !instance) return null;
  return { install, group, token, instance, templateId: reply.template ?? '' };
}

/** The create command may leave the tags out of its answer, but what it says of them must be what it was told. */
export function checkCreated(reply: MachineReply, owner: OwnerTags): void {
  for (const field of ['install', 'group', 'token', 'instance'] as const) {
    if (reply[field] && reply[field] !== owner[field])
      throw new DriverError(
        'bad-reply',
        `create printed a machine whose ${field} is not the one it was given: is ${field} taken from DROVER_${field.toUpperCase()}?`,
      );
  }
}
