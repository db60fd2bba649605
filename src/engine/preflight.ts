/** Looks before anything is started whether a group's cloud and balancers would let it do its work, and whether they fit together. */
import type { GroupSpec } from '../core/model/model.ts';
import { asDriverError, DriverError, type Need, type Place } from '../ports/ports.ts';
import type { World } from './context.ts';

/** A cloud and balancers found to fit, by template: nothing of it changes while the world stands. */
const fitting = new WeakMap<World, Set<string>>();

const needOf = (spec: GroupSpec): Need => (spec.mode === 'act' ? 'act' : 'read');
const keyOf = (spec: GroupSpec): string => JSON.stringify([spec.cloud, spec.template.id, spec.balancers.map((b) => b.balancer)]);

/** Null: everything passed before, or there is nothing to ask. Else resolves when it passed, or throws DriverError naming the part. */
export function preflightGroup(world: World, spec: GroupSpec): Promise<void> | null {
  const need = needOf(spec);
  const cloud = world.clouds.get(spec.cloud)?.view;
  const balancers = spec.balancers.flatMap((b) => world.balancers.get(b.balancer)?.view ?? []);
  const asked = [...(cloud === undefined ? [] : [cloud]), ...balancers].filter((view) => view.preflights !== null && !view.preflights.has(need));
  const placed = cloud?.places === true ? balancers.filter((view) => view.places) : [];
  const fits = placed.length === 0 || fitting.get(world)?.has(keyOf(spec)) === true;
  if (asked.length === 0 && fits) return null;
  return (async () => {
    failTogether(await Promise.allSettled(asked.map((view) => naming(view.name, view.preflights?.pass(need)))));
    if (fits) return;
    const here = cloud?.place(spec.template.options) ?? null;
    for (const view of placed) refuseElsewhere(spec.cloud, here, view.name, await naming(view.name, view.place()));
    const known = fitting.get(world) ?? new Set();
    fitting.set(world, known.add(keyOf(spec)));
  })();
}

async function naming<T>(name: string, asked: Promise<T> | undefined): Promise<T | null> {
  try {
    return (await asked) ?? null;
  } catch (e) {
    const error = asDriverError(e);
    throw new DriverError(error.code, `${name}: ${error.message}`, { definite: error.definite, retryAfterMs: error.retryAfterMs, cause: e });
  }
}

/** Throws what went wrong, if anything did: every refusal in one, in the order of asking and not of answers; else the first that could not be asked. */
function failTogether(asked: readonly PromiseSettledResult<unknown>[]): void {
  const failed = asked.flatMap((each) => (each.status === 'rejected' ? [asDriverError(each.reason)] : []));
  const refused = failed.filter(isRefusal);
  const [first] = refused.length > 0 ? refused : failed;
  if (first === undefined) return;
  if (refused.length <= 1) throw first;
  throw new DriverError(first.code, refused.map((each) => each.message.replace(/\.$/, '')).join('. '), { definite: true, cause: first });
}

/** Throws DriverError bad-request with both names when machines made by one cannot be members of the other. */
function refuseElsewhere(cloud: string, here: Place | null, balancer: string, there: Place | null): void {
  if (here === null || there === null || here.realm !== there.realm) return;
  if (here.region !== there.region) {
    throw new DriverError(
      'bad-request',
      `the template makes machines in ${here.region} (cloud ${cloud}), but the balancer ${balancer} is in ${there.region} and takes members of its own region only`,
    );
  }
  if (here.network !== null && there.network !== null && here.network !== there.network) {
    throw new DriverError(
      'bad-request',
      `the template gives machines that are reached at ${here.network} (cloud ${cloud}), but the balancer ${balancer} takes members at ${there.network} only`,
    );
  }
}

/** A refusal that nothing but a change of credentials or configuration can lift. Anything else may be different in a moment. */
export function isRefusal(error: DriverError): boolean {
  return error.definite && (error.code === 'unauthorized' || error.code === 'bad-request' || error.code === 'not-found');
}

export interface PreflightResult {
  readonly group: string;
  readonly error: DriverError;
}

/** Every group at once. What is not in the result passed. */
export async function preflightGroups(world: World, groups: readonly GroupSpec[]): Promise<readonly PreflightResult[]> {
  const found = await Promise.all(
    groups.map(async (spec): Promise<PreflightResult | null> => {
      try {
        await preflightGroup(world, spec);
        return null;
      } catch (e) {
        return { group: spec.name, error: asDriverError(e) };
      }
    }),
  );
  return found.filter((each) => each !== null);
}
