import type { LoadedConfig } from '../config/config.ts';
import { noInstrument } from '../engine/instrument.ts';
import { isRefusal, preflightGroups } from '../engine/preflight.ts';
import { DriverError, type DriverPorts } from '../ports/ports.ts';
import { openWorld } from './open-world.ts';

export interface GroupProblem {
  readonly group: string;
  readonly refused: boolean;
  readonly text: string;
}

/** Would clouds and balancers let each group work, and do they fit together? Only what is wrong is told. */
export async function probeGroups(config: LoadedConfig, ports: DriverPorts): Promise<GroupProblem[]> {
  try {
    const { world } = await openWorld({ ...config, sources: {}, receivers: {}, notifiers: {} }, ports, noInstrument);
    return (await preflightGroups(world, config.groups)).map(({ group, error }) => {
      const refused = isRefusal(error);
      return { group, refused, text: `${refused ? 'it would be refused' : 'what it needs could not be checked'}: ${error.message}` };
    });
  } catch (e) {
    // A part that cannot be opened was told as such, by its own name.
    if (e instanceof DriverError) return [];
    throw e;
  }
}
