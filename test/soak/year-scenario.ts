/** The world of the simulated year: three groups as the simulator draws them, everyday faults, one controller that stays up. */
import { dice } from '../../src/sim/dice.ts';
import { FAULT_NAMES, FAULTS, type Fault } from '../../src/sim/faults.ts';
import { drawScenario, type Scenario } from '../../src/sim/scenario.ts';

const DAY = 86_400_000;

/** The proportions of the defaults (90, 365 and 90 days), short enough that a plateau is reached in weeks. */
export const RETAIN = { decisionsMs: 3 * DAY, eventsMs: 12 * DAY, instancesMs: 3 * DAY } as const;

const GROUPS = 3;
/** Share of the calls that fail while a class is on, which each is half of the time. */
const PER_CALL = 0.005;
/** Some two of each class a day. */
const PER_STEP = 0.03;

/** Left out, and why. */
const NEVER: ReadonlySet<Fault> = new Set<Fault>([
  // An engine that starts anew has forgotten everything: nothing could ever grow.
  'crash',
  'stop',
  'mass-restart',
  'store-restored',
  // Only several controllers have it.
  'commit-unknown',
  // Machines of others stay for ever: the cloud itself would grow.
  'foreign',
  'id-reused',
  // They have no half measures: for half of the year nothing else would happen.
  'unauthorized',
  'create-bad',
  'all-sick',
  // Ages of rows are measured by the wall clock.
  'wall-jump',
]);

export function soakScenario(stormMs: number): Scenario {
  const drawn = firstThatFits();
  return {
    ...drawn,
    profile: 'exclusive',
    controllers: 1,
    skews: [{ wallMs: 0, rate: 1 }],
    latencyMs: 50,
    // A cloud that knows tokens remembers all of them for ever, and one that never gives an address again runs out of them.
    clouds: drawn.clouds.map((c) => ({ ...c, can: { ...c.can, idempotency: 'unique-name' }, reusesAddresses: true, quota: null })),
    faults: Object.fromEntries(FAULT_NAMES.filter((fault) => !NEVER.has(fault)).map((fault) => [fault, FAULTS[fault].per === 'call' ? PER_CALL : PER_STEP])),
    stormMs,
  };
}

/** One evaluation a minute; one group listens to alerts, one has a hook, one is in a balancer. */
function firstThatFits(): Scenario {
  for (let seed = 1; ; seed++) {
    const drawn = drawScenario(seed, dice(seed));
    const specs = drawn.groups.map((g) => g.spec);
    if (drawn.tickMs !== 60_000 || specs.length !== GROUPS) continue;
    if (!specs.some((s) => s.policies.some((p) => p.type === 'alert'))) continue;
    if (specs.some((s) => s.hooks.length > 0) && specs.some((s) => s.balancers.length > 0)) return drawn;
  }
}
