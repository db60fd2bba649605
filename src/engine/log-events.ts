import type { EventRow, Log } from '../ports/ports.ts';

type Level = 'debug' | 'info' | 'warn' | 'error';

const LEVELS: Readonly<Record<string, Level>> = {
  'group.frozen': 'error',
  'group.not-evaluated': 'error',
  'launch.failed': 'warn',
  'step.failed': 'warn',
  'hook.failed': 'warn',
  'delete.postponed': 'warn',
  'delivery.rejected': 'warn',
  'instance.serving': 'info',
  'instance.gone': 'info',
  'instance.adopted': 'info',
};
/** Ways out of the books that nobody asked for. */
const UNASKED = new Set<unknown>(['boot-failed', 'hook-failed', 'vanished', 'orphan', 'duplicate', 'replace-unhealthy']);

function levelOf(e: EventRow): Level {
  if (e.type === 'decision') return e.data['outcome'] === 'blocked' ? 'warn' : e.data['outcome'] === 'hold' ? 'debug' : 'info';
  if (e.type === 'instance.draining') return UNASKED.has(e.data['cause']) ? 'warn' : 'info';
  if (/^(control|config|group|alert|token)\./.test(e.type)) return LEVELS[e.type] ?? 'info';
  return LEVELS[e.type] ?? 'debug';
}

/** What goes into the book goes into the log as well, at the level an operator would look for it. */
export function logEvents(log: Log, events: readonly EventRow[]): void {
  for (const e of events)
    log[levelOf(e)]({ seq: e.seq, ...(e.group === null ? {} : { group: e.group }), ...(e.actor === 'drover' ? {} : { actor: e.actor }), ...e.data }, e.type);
}
