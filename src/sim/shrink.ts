import type { Fault } from './faults.ts';
import { type RunResult, runSeed, withoutFaults } from './run-seed.ts';
import type { Scenario } from './scenario.ts';
import type { Invariant } from './watch.ts';

/** A failure made small: what must happen in this world for the promise to be broken. */
export interface Shrunk {
  readonly scenario: Scenario;
  /** Hits that are needed, as `class#number`; all others are let off. */
  readonly only: readonly string[];
  readonly result: RunResult;
}

/**
 * Makes a failing run small: shorter, with fewer classes of faults, groups and controllers, then with fewer single hits (delta debugging,
 * Zeller and Hildebrandt 2002). Every step keeps the same invariant broken. `mayGoOn` ends it early.
 */
export function shrink(failing: RunResult, invariants: readonly Invariant[], mayGoOn: () => boolean): Shrunk {
  const id = failing.violations[0]?.id;
  let best: Shrunk = { scenario: failing.scenario, only: failing.hits, result: failing };
  const attempt = (scenario: Scenario, only: readonly string[]): boolean => {
    if (!mayGoOn()) return false;
    const result = runSeed(scenario.seed, { scenario, invariants, only: new Set(only) });
    if (result.violations[0]?.id !== id) return false;
    best = { scenario, only: result.hits, result };
    return true;
  };
  for (let smaller = true; smaller && mayGoOn(); ) {
    smaller = shorter(best, attempt);
    for (const fault of Object.keys(best.scenario.faults) as Fault[]) smaller = attempt(withoutFaults(best.scenario, new Set([fault])), best.only) || smaller;
    smaller = fewer(best.scenario, (scenario) => attempt(scenario, best.only)) || smaller;
  }
  fewerHits(
    () => best.only,
    (only) => attempt(best.scenario, only),
  );
  return best;
}

function shorter(best: Shrunk, attempt: (scenario: Scenario, only: readonly string[]) => boolean): boolean {
  const { scenario, result, only } = best;
  const endMs = (result.violations[0]?.atMs ?? 0) - 20 * scenario.tickMs;
  const stormMs = Math.max(scenario.tickMs, Math.min(Math.ceil(endMs * 1.01), Math.floor(scenario.stormMs * 0.7)));
  return stormMs < scenario.stormMs && attempt({ ...scenario, stormMs }, only);
}

function fewer(scenario: Scenario, attempt: (scenario: Scenario) => boolean): boolean {
  let now = scenario;
  let smaller = false;
  const keep = (next: Scenario): void => {
    if (!attempt(next)) return;
    now = next;
    smaller = true;
  };
  for (const group of scenario.groups) {
    const groups = now.groups.filter((g) => g !== group);
    if (groups.length > 0) keep({ ...now, groups });
  }
  if (now.controllers > 1) keep({ ...now, controllers: now.controllers - 1, skews: now.skews.slice(0, -1) });
  if (now.latencyMs > 0) keep({ ...now, latencyMs: 0 });
  return smaller;
}

function fewerHits(hits: () => readonly string[], attempt: (only: readonly string[]) => boolean): void {
  for (let size = Math.ceil(hits().length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let from = 0; from < hits().length; ) {
      const rest = hits().filter((_, i) => i < from || i >= from + size);
      if (!attempt(rest)) from += size;
    }
  }
}
