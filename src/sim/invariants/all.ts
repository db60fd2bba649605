import type { Invariant } from '../watch.ts';
import { neverOverMax } from './i01-never-over-max.ts';
import { neverUnderMin } from './i02-never-under-min.ts';
import { launchCaps } from './i03-launch-caps.ts';
import { oneMachinePerLaunch } from './i04-one-machine-per-launch.ts';
import { conservation } from './i05-conservation.ts';
import { noOrphan } from './i06-no-orphan.ts';
import { noGhost } from './i07-no-ghost.ts';
import { onlyOurs } from './i08-only-ours.ts';
import { twoEvidence } from './i09-two-evidence.ts';
import { absoluteAddressing } from './i10-absolute-addressing.ts';
import { emptyIsNotAll } from './i11-empty-is-not-all.ts';
import { destructionBudget } from './i12-destruction-budget.ts';
import { brake } from './i13-brake.ts';
import { peopleWin } from './i14-people-win.ts';
import { grace } from './i15-grace.ts';
import { missingNeverScalesIn } from './i16-missing-never-scales-in.ts';
import { gapRecovery } from './i17-gap-recovery.ts';
import { boundedDirection } from './i18-bounded-direction.ts';
import { boundedTarget } from './i19-bounded-target.ts';
import { backOff } from './i20-back-off.ts';
import { clockSafe } from './i21-clock-safe.ts';
import { explainable } from './i22-explainable.ts';
import { fencing } from './i23-fencing.ts';
import { selfFencing } from './i24-self-fencing.ts';
import { intentBeforeEffect } from './i25-intent-before-effect.ts';
import { acknowledgedIsDurable } from './i26-acknowledged-is-durable.ts';
import { alertsOnce } from './i27-alerts-once.ts';
import { convergence } from './i28-convergence.ts';
import { balancerOrder } from './i29-balancer.ts';

/** Every promise that a simulated run is held to, by number. */
export const invariants: readonly Invariant[] = [
  neverOverMax,
  neverUnderMin,
  launchCaps,
  oneMachinePerLaunch,
  conservation,
  noOrphan,
  noGhost,
  onlyOurs,
  twoEvidence,
  absoluteAddressing,
  emptyIsNotAll,
  destructionBudget,
  brake,
  peopleWin,
  grace,
  missingNeverScalesIn,
  gapRecovery,
  boundedDirection,
  boundedTarget,
  backOff,
  clockSafe,
  explainable,
  fencing,
  selfFencing,
  intentBeforeEffect,
  acknowledgedIsDurable,
  alertsOnce,
  convergence,
  balancerOrder,
];
