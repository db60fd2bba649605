import { type Change, ceilSize, floorSize } from '../units.ts';

/** The size after a change. A share rounds away from nothing: +1.5 → 2 out, −1.5 → 1 in, and at least 1. */
export function applyChange(change: Change, size: number): number {
  if (change.kind === 'to') return change.size;
  if (change.kind === 'by') return Math.max(0, size + change.count);
  const part = change.fraction * size;
  const by = part >= 0 && change.fraction > 0 ? Math.max(1, ceilSize(part)) : -Math.max(1, floorSize(-part));
  return Math.max(0, size + by);
}

/** Does it add or remove from this size? */
export function directionOf(change: Change, size: number): -1 | 0 | 1 {
  const after = applyChange(change, size);
  return after > size ? 1 : after < size ? -1 : 0;
}
