import type { GroupSpec } from '../core/model/model.ts';
import type { World } from '../engine/context.ts';
import { OperationError } from '../engine/operations.ts';
import { isRefusal, preflightGroups } from '../engine/preflight.ts';
import type { Log } from '../ports/ports.ts';

/**
 * Asks the clouds and balancers of the groups, before anything is started, whether they would let them work. Throws OperationError `refused`
 * with every definite refusal; what could not be asked is told in the log, and asked again before the first create.
 */
export async function vetWorld(world: World, groups: readonly GroupSpec[], log: Log, nothing: string): Promise<void> {
  const found = await preflightGroups(world, groups);
  const refusals = new Map<string, string[]>();
  for (const { group, error } of found) {
    if (isRefusal(error)) refusals.set(error.message, [...(refusals.get(error.message) ?? []), group]);
    else log.warn({ group, code: error.code, error: error.message }, 'what this group needs could not be checked; it is asked again before its first machine');
  }
  if (refusals.size === 0) return;
  const said = [...refusals].map(([message, of]) => `${of.join(', ')}: ${message.replace(/\.$/, '')}.`);
  throw new OperationError('refused', `${said.join(' ')} ${nothing}`);
}
