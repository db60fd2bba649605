import { asks, type ExplainOptions, freeAt, inZone, machines, type Unspoken, utc, winnerOf } from './explain-words.ts';
import { GUARD_NOTES, type GuardNote } from './guard-notes.ts';
import type { Decision, LaunchAction, Proposal } from './model/decision.ts';
import { REASONS, type ReasonCode } from './model/reasons.ts';
import { formatElapsed, formatMeasure, formatMoment } from './units.ts';

export type { ExplainOptions } from './explain-words.ts';
export { whyNot } from './why-not.ts';

/** Words for people, from the record alone: the same sentence in CLI, dashboard, API and chat. */

/** One sentence: what happens and why, with its numbers; never the mechanism as the cause. */
export function sentence(d: Unspoken): string {
  switch (d.outcome) {
    case 'scale_out':
      return d.target > d.from ? movedOut(d) : `Still on the way to ${machines(d.target)}: launching ${launches(d)} more.`;
    case 'scale_in':
      return movedIn(d);
    case 'replace':
      return replaced(d);
    case 'blocked':
      return blocked(d);
    case 'hold':
      return held(d);
  }
}

const launches = (d: Unspoken) => d.actions.filter((a) => a.kind === 'launch').length;

/** The guard that ended at the final size. */
function decisive(d: Unspoken): { readonly code: ReasonCode; readonly detail: string } | undefined {
  return d.holds.findLast((h) => h.to === d.target && h.from !== h.to) ?? d.limits.findLast((l) => l.to === d.target && l.from !== l.to);
}

const NAMES: Partial<Record<ReasonCode, string>> = {
  LIMIT_MIN: 'the minimum',
  LIMIT_MAX: 'the maximum',
  LIMIT_STEP: 'the step limit',
  LIMIT_RATE: 'the launch rate',
  LIMIT_BUDGET: 'the money budget',
  LIMIT_DESTRUCTION: 'the destruction budget',
  HOLD_FLAP: 'the flap check',
  HOLD_QUIET: 'the quiet time',
  HOLD_APPROVAL: 'the approval given',
  HOLD_RATE: 'the pace',
  HOLD_WARMUP: 'warming machines',
};
const nameOf = (code: ReasonCode) => NAMES[code] ?? code;

function movedOut(d: Unspoken): string {
  const w = winnerOf(d);
  const by = decisive(d);
  if (w === undefined || d.wanted <= d.from) {
    if (d.reason === 'LIMIT_MIN' || by?.code === 'LIMIT_MIN') return `Raised from ${d.from} to the minimum of ${d.target}.`;
    return d.from === 0 ? `First start with ${machines(d.target)}.` : `The configuration now asks for ${machines(d.target)}.`;
  }
  if (d.wanted > d.target && by !== undefined) return `${upper(asks(w, d.wanted, 'wanted'))}, ${nameOf(by.code)} allowed ${d.target}${nextFree(d, by.code)}.`;
  if (d.wanted < d.target) return `${upper(asks(w, d.wanted, 'wants'))}, the minimum is ${d.target}.`;
  return w.type === 'manual' ? `${w.arithmetic}.` : `${upper(asks(w, d.wanted, 'wants'))}: ${w.arithmetic}.`;
}

function movedIn(d: Unspoken): string {
  if (d.target === d.from) {
    const leaving = d.actions.filter((a) => a.kind === 'remove').length;
    return d.reason === 'DRIFT'
      ? `${machines(leaving)} more than the ${d.target} wanted came from elsewhere: removing ${leaving === 1 ? 'it' : 'them'}.`
      : `Still on the way to ${machines(d.target)}: removing ${leaving} more.`;
  }
  const w = winnerOf(d);
  const by = decisive(d);
  if (d.wanted >= d.from || d.reason === 'LIMIT_MAX' || d.reason === 'CONFIG_CHANGED') return `Cut from ${d.from} to the maximum of ${d.target}.`;
  if (w?.type === 'manual' && d.wanted === d.target) return `${w.arithmetic}.`;
  const wish = w === undefined ? `The load needs only ${d.wanted}` : upper(asks(w, d.wanted, 'needs only'));
  if (d.wanted < d.target && by !== undefined) return `${wish}, ${nameOf(by.code)} allowed ${d.target} for now${nextFree(d, by.code)}.`;
  return w === undefined ? `${wish}.` : `${wish}: ${w.arithmetic}.`;
}

/** Names of policies stay as they are written. */
const upper = (text: string) => (text.startsWith('a person') ? `A${text.slice(1)}` : text);

/** When a window that is used up has room again. */
function nextFree(d: Unspoken, code: ReasonCode): string {
  const limit = d.limits.findLast((l) => l.code === code && l.untilMs !== undefined);
  return limit?.untilMs === undefined ? '' : `; ${limit.detail}, the next is free ${formatMoment(limit.untilMs, d.atMs)}`;
}

function replaced(d: Unspoken): string {
  const parts: string[] = [];
  for (const a of d.actions) {
    if (a.kind === 'remove' && a.cause !== 'scale-in') parts.push(`${a.instance} leaves: ${a.why}`);
    if (a.kind === 'launch' && a.replaces !== null) parts.push(`a replacement for ${a.replaces} starts: ${because(d.reason)}`);
  }
  const plainly = d.actions.filter((a): a is LaunchAction => a.kind === 'launch' && a.replaces === null);
  const plain = plainly.length;
  const leaving = d.actions.filter((a) => a.kind === 'remove' && a.cause !== 'scale-in').length;
  const refilled = Math.min(plain, leaving);
  const drifted = plain - refilled;
  const place = (n: number): string => `launching ${n} in ${n === 1 ? 'its' : 'their'} place`;
  if (refilled > 0) parts.push(place(refilled));
  if (drifted > 0) parts.push(missing(drifted, d.target, plainly[0]?.after));
  const shown = parts.slice(0, 3).join('; ');
  const text = parts.length > 3 ? `${shown}; and ${parts.length - 3} more` : shown;
  // A sentence that begins with a machine's name keeps the name as it is.
  const named = d.actions.some((a) => a.kind === 'remove' && text.startsWith(a.instance));
  return `${named ? text.charAt(0) : text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}

function missing(n: number, target: number, after: LaunchAction['after']): string {
  const part = `${n} of ${machines(target)} ${n === 1 ? 'is' : 'are'}`;
  if (after === 'failure') return `${part} missing: launching ${n} again after a failed launch`;
  if (after === 'removal') return `${part} missing after a removal: launching ${n} in ${n === 1 ? 'its' : 'their'} place`;
  if (after === 'unknown') return `${part} missing: launching ${n}`;
  return `${part} gone without our doing: launching ${n} in ${n === 1 ? 'its' : 'their'} place`;
}

function because(reason: ReasonCode): string {
  if (reason === 'MANUAL') return 'a person asked for it';
  return reason === 'REPLACE_OLD' ? 'it is past its maximum age' : 'it is unhealthy';
}

function blocked(d: Unspoken): string {
  const b = d.blocked.find((x) => x.code === d.reason) ?? d.blocked[0];
  const next = b?.nextTryMs == null ? '' : `; next try ${formatMoment(b.nextTryMs, d.atMs)}`;
  // All machines wanted exist, and a step of theirs fails.
  if (d.running >= d.target && b !== undefined) return `Holding at ${d.target}, ${d.serving} serving: ${b.detail.replace(/\.$/, '')}${next}.`;
  return `Wants ${d.target} and has ${d.running}. ${b === undefined ? REASONS[d.reason] : `${REASONS[b.code]} ${b.detail}`.replace(/\.?$/, '')}${next}.`;
}

function held(d: Unspoken): string {
  const w = winnerOf(d);
  const hold = d.holds.findLast((h) => h.code === d.reason);
  const wish = w === undefined || d.wanted === d.from ? null : asks(w, d.wanted, d.wanted > d.from ? 'wants' : 'needs only');
  if (d.reason === 'HOLD_OBSERVE' && hold !== undefined) {
    const would = hold.from === hold.to ? 'would hold' : `would ${hold.from > hold.to ? 'scale out' : 'scale in'} ${hold.to} → ${hold.from}`;
    return `Observing at ${d.target}: ${would}${wish === null ? '' : `, ${wish}`}.`;
  }
  const limit = d.limits.findLast((l) => l.code === d.reason);
  const why = hold?.detail ?? limit?.detail;
  const not = wish === null && hold !== undefined && hold.from < d.target ? `, not ${hold.from}` : '';
  const free = limit?.untilMs === undefined || hold !== undefined ? '' : `; the next is free ${formatMoment(limit.untilMs, d.atMs)}`;
  if (why !== undefined) return `Holding at ${d.target}${not}: ${wish === null ? '' : `${wish}; `}${why}${free}.`;
  if (d.reason === 'HOLD_IN_PROGRESS') return `Holding at ${d.target}, ${d.serving} serving: earlier changes are still being carried out.`;
  const voice = w ?? d.proposals.find((p) => !p.advisory && p.wants === d.target);
  return voice === undefined ? `Holding at ${d.target}: no policy asks for a change.` : `Holding at ${d.target}: ${voice.policy}: ${voice.arithmetic}.`;
}

const VERBS: Readonly<Record<Decision['outcome'], string>> = {
  scale_out: 'scaled out',
  scale_in: 'scaled in',
  replace: 'replaced machines at',
  hold: 'held at',
  blocked: 'was blocked at',
};

/** The arithmetic, line by line: proposals, wanted, each limit and hold with its key and where it was written, target, actions. */
export function explainLines(d: Decision, options: ExplainOptions = {}): readonly string[] {
  const time = options.time ?? utc;
  const change = d.target === d.from ? String(d.target) : `${d.from} → ${d.target}`;
  const rows = d.proposals.map((p) => [p.policy, reads(p), p.wants === null ? '-' : String(p.wants), remark(p, d.proposals)]);
  const lines = [`${time(d.atMs)}  ${d.group} ${VERBS[d.outcome]} ${change}  ${d.reason}  ${d.id}`, '', `  ${d.sentence}`, ''];
  if (rows.length > 0) lines.push(...table([['policy', 'reads', 'wants', ''], ...rows]), '');
  const steps: string[][] = [['wanted', String(d.wanted), '', '', '']];
  for (const l of d.limits)
    steps.push([word(l.code), String(l.to), `${inZone(l.detail, l.untilMs ?? null, time)}${freeAt(l, time)}`, l.key, l.at ?? 'default']);
  for (const h of d.holds) steps.push([word(h.code), String(h.to), inZone(h.detail, h.untilMs, time), h.key ?? '', h.key === null ? '' : (h.at ?? 'default')]);
  steps.push(['target', String(d.target), '', '', '']);
  lines.push(...table(steps));
  if (d.blocked.length > 0) lines.push('', ...d.blocked.map((b) => `  ${b.code}  ${b.detail}${b.nextTryMs === null ? '' : `, next try ${time(b.nextTryMs)}`}`));
  if (d.actions.length > 0) lines.push('', ...d.actions.map(actionLine));
  return lines;
}

function reads(p: Proposal): string {
  const age = p.ageS === null || p.ageS === 0 ? '' : `, ${formatElapsed(p.ageS * 1000)} old`;
  return `${p.arithmetic === '' && p.value !== null ? formatMeasure(p.value, null) : p.arithmetic}${age}`;
}

/** What a row of the table was: `largest` only where it is; a person and a cap decide whatever is larger. */
export function remark(p: Proposal, all: readonly Proposal[]): string {
  if (p.winner && p.type === 'manual') return 'a person';
  if (p.winner) return p.wants !== null && all.every((o) => o.advisory || (o.wants ?? 0) <= (p.wants ?? 0)) ? 'largest' : 'decides';
  if (p.advisory) return 'shown only';
  if (p.error !== null) return 'cannot shrink';
  return p.abstains ? 'abstains' : p.floor === true ? 'floor' : '';
}

const word = (code: ReasonCode) =>
  code
    .replace(/^(LIMIT|HOLD)_/, '')
    .replaceAll('_', ' ')
    .toLowerCase();

function actionLine(a: Decision['actions'][number]): string {
  if (a.kind === 'remove') return `  remove ${a.instance}  ${a.why}`;
  return `  create 1${a.zone === null ? '' : ` on ${a.zone}`}${a.replaces === null ? '' : ` to replace ${a.replaces}`}`;
}

/** Columns as wide as their longest cell, two blanks apart; code points, since the core knows no display widths. */
function table(rows: readonly (readonly string[])[]): string[] {
  const widths: number[] = [];
  for (const row of rows) for (let c = 0; c < row.length; c++) widths[c] = Math.max(widths[c] ?? 0, Array.from(row[c] as string).length);
  const cell = (text: string, c: number) => text + ' '.repeat((widths[c] ?? 0) - Array.from(text).length);
  return rows.map((row) => `  ${row.map(cell).join('   ')}`.trimEnd());
}

export interface CodeExplanation {
  readonly code: ReasonCode;
  readonly kind: 'move' | 'hold' | 'limit' | 'blocked';
  readonly summary: string;
  /** The guard behind it: key, default and what it is for; null for moves and refusals. */
  readonly guard: GuardNote | null;
}

/** Null: no such code. */
export function explainCode(code: string): CodeExplanation | null {
  if (!Object.hasOwn(REASONS, code)) return null;
  const known = code as ReasonCode;
  const kind = known.startsWith('HOLD_') ? 'hold' : known.startsWith('LIMIT_') ? 'limit' : known.startsWith('BLOCKED_') ? 'blocked' : 'move';
  return { code: known, kind, summary: REASONS[known], guard: GUARD_NOTES[known] ?? null };
}
