/** What the checks of foreign files say: in the form of our own diagnostics, with names of their own instead of codes. */
import { type Diagnostic, type Frame, problem } from '../../config/diagnostic.ts';
import type { Span } from '../../config/tree.ts';

/** Every check, by the name that stands in its findings. Each has a heading in docs/how-to/check-foreign-rules.md. */
export const CHECKS = [
  'unreadable',
  'cpu-formula',
  'no-scale-in',
  'no-maximum',
  'slow-interval',
  'short-window',
  'short-group-interval',
  'repeat-adds',
  'alert-dropped',
  'resolved-kills',
  'resolved-scales-in',
  'no-command',
  'no-alertmanager',
  'linode-discovery',
] as const;
export type Check = (typeof CHECKS)[number];

export type RuleFinding = Omit<Diagnostic, 'code'> & { readonly code: Check };

export interface FindingParts {
  /** What is wrong. */
  readonly message: string;
  /** Why: the number, at the caret. */
  readonly label: string;
  /** What to write instead. */
  readonly fix: string;
  readonly severity?: 'error' | 'warning';
}

export function findingAt(frame: Frame, check: Check, span: Span, parts: FindingParts): RuleFinding {
  const { message, label, fix, severity = 'warning' } = parts;
  // The code only lends its form: place, clean texts.
  return { ...problem(frame, 'W0204', span, { message, label, help: fix }), code: check, severity, docs: `docs/how-to/check-foreign-rules.md#${check}` };
}

/** `2m 30s` of ms, as people say it. */
export function spoken(ms: number): string {
  const parts: string[] = [];
  let rest = Math.round(ms / 1000);
  for (const [unit, seconds] of [
    ['d', 86_400],
    ['h', 3600],
    ['m', 60],
    ['s', 1],
  ] as const) {
    const count = Math.floor(rest / seconds);
    if (count > 0) parts.push(`${count}${unit}`);
    rest -= count * seconds;
  }
  return parts.join(' ') || '0s';
}
