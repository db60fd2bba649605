import type { Clock, NewEvent } from '../ports/ports.ts';
import type { InvariantViolated } from './assert.ts';
import type { GroupRunner } from './group-runner.ts';

/** A promise was about to be broken: the one group stops, durably, until a person has looked. */
export async function freezeGroup(clock: Clock, runner: GroupRunner, violated: InvariantViolated): Promise<void> {
  const why = `${violated.message}. The group stands still until a person has looked: drover groups unfreeze ${runner.name}`;
  const event: NewEvent = { atMs: clock.wall(), group: runner.name, type: 'group.frozen', actor: 'drover', data: { why } };
  await runner.transact(() => ({ frozen: why, events: [event] }));
}
