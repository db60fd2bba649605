import type { ManualOverride } from '../model/snapshot.ts';
import { formatUntil } from '../units.ts';
import { abstain, type PolicyProposal, proposal } from './policy.ts';

/** A person's wish (`drover scale web 6 --for 1h`), built in: it comes from the snapshot and has no options. */
export function isActive(override: ManualOverride, atMs: number): boolean {
  return override.untilMs === null || override.untilMs > atMs;
}

/** The newest exact size wins; null when no person asks for one. */
export function exactSize(overrides: readonly ManualOverride[], atMs: number): ManualOverride | null {
  let found: ManualOverride | null = null;
  for (const override of overrides) if (override.kind === 'exact' && isActive(override, atMs)) found = override;
  return found;
}

export function proposeManual(override: ManualOverride, atMs: number): PolicyProposal {
  const left = override.untilMs === null ? '' : ` ${formatUntil(override.untilMs, atMs)}`;
  const why = override.reason === null ? '' : `: ${override.reason}`;
  const bound = override.kind === 'floor' ? 'at least ' : override.kind === 'cap' ? 'at most ' : '';
  const arithmetic = `${override.by} asked for ${bound}${override.size}${left}${why}`;
  if (override.kind === 'cap') return abstain(arithmetic, { cap: override.size, reason: 'MANUAL' });
  return proposal({
    wants: override.size,
    exact: override.size,
    floor: override.kind === 'floor',
    cap: override.kind === 'exact' ? override.size : null,
    reason: 'MANUAL',
    arithmetic,
  });
}
