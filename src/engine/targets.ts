import { asDriverError } from '../ports/ports.ts';
import type { EngineContext } from './context.ts';
import { type CloudListing, OperationError } from './operations.ts';
import { isRefusal } from './preflight.ts';

/** Prometheus asks once a minute or so; several of them share an answer. */
const MAX_AGE_MS = 10_000;

/** Throws OperationError: `invalid` for an unknown cloud, `refused` where its credentials do not allow it, `unavailable` while it does not answer and never did. */
export async function listTargets(ctx: Pick<EngineContext, 'clock' | 'world'>, cloud: string): Promise<CloudListing | null> {
  const view = ctx.world().clouds.get(cloud)?.view;
  if (view === undefined) throw new OperationError('invalid', `No cloud named ${cloud} is configured.`, 'cloud');
  try {
    const found = await view.targets(MAX_AGE_MS);
    return found && { targets: found.targets, ageMs: Math.max(0, ctx.clock.mono() - found.asOfMono) };
  } catch (e) {
    const error = asDriverError(e);
    throw new OperationError(isRefusal(error) ? 'refused' : 'unavailable', `${cloud}: ${error.message}`);
  }
}
