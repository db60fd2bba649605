import type { Decision, LimitApplied, Proposal } from './model/decision.ts';
import { formatClock } from './units.ts';

/** What the texts about a decision share. */

export type Unspoken = Omit<Decision, 'sentence'>;

export interface ExplainOptions {
  /** How a time is shown; default UTC, since the core knows no other zone. */
  readonly time?: (atMs: number) => string;
}
export const utc = (atMs: number) => `${formatClock(atMs)} UTC`;

export function winnerOf(d: Unspoken): Proposal | undefined {
  return d.proposals.find((p) => p.winner);
}

export const machines = (n: number) => (n === 1 ? '1 machine' : `${n} machines`);

/** `traffic wants 6`; a person asks, and needs nothing. */
export function asks(w: Proposal, size: number, verb: string): string {
  if (w.type !== 'manual') return `${w.policy} ${verb} ${size}`;
  return `a person asked for ${w.floor === true ? 'at least ' : w.abstains ? 'at most ' : ''}${size}`;
}
/** A detail names its moment in UTC; here it is told in the reader's zone. */
export function inZone(detail: string, untilMs: number | null, time: (atMs: number) => string): string {
  return untilMs === null ? detail : detail.replace(`${formatClock(untilMs)} UTC`, time(untilMs));
}

export function freeAt(l: LimitApplied, time: (atMs: number) => string): string {
  return l.untilMs === undefined ? '' : `; the next is free at ${time(l.untilMs)}`;
}
