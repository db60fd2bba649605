import { explainLines } from '../core/explain.ts';
import type { Decision, Json } from '../core/model/model.ts';
import type { EventRow, Notification } from '../ports/ports.ts';
import type { ConfiguredNotifier, EngineContext } from './context.ts';
import { withDeadline } from './deadline.ts';
import type { GroupRunner } from './group-runner.ts';

/** The same thing is told again at the earliest after this, ms: routine must not page at night, and a fault must not page every minute. */
const REPEAT_MS = 30 * 60_000;
const WAITING_MOST = 200;

/** Turns events into messages: some at once, some in a digest. Sending never holds up a cycle; what cannot be sent is logged and dropped. */
export class Notifying {
  readonly #ctx: EngineContext;
  readonly #runner: (group: string) => GroupRunner | undefined;
  readonly #toldMono = new Map<string, number>();
  readonly #digests = new Map<string, { lines: Notification[]; cancel: () => void }>();
  readonly #moods = new Map<string, Mood>();
  #waiting = 0;

  constructor(ctx: EngineContext, runner: (group: string) => GroupRunner | undefined) {
    this.#ctx = ctx;
    this.#runner = runner;
  }

  see(events: readonly EventRow[]): void {
    for (const e of events) {
      const runner = e.group === null ? undefined : this.#runner(e.group);
      if (!runner || runner.state.row.spec.notify.length === 0) continue;
      let mood = this.#moods.get(runner.name);
      if (!mood) {
        mood = { blocked: false, blind: false, replacedMs: [] };
        this.#moods.set(runner.name, mood);
      }
      for (const note of notificationsOf(e, runner.pending?.decision ?? null, mood)) {
        for (const name of runner.state.row.spec.notify) {
          const to = this.#ctx.world().notifiers.get(name);
          if (to) this.#offer(name, to, note);
        }
      }
    }
  }

  close(): void {
    for (const d of this.#digests.values()) d.cancel();
    this.#digests.clear();
  }

  #offer(name: string, to: ConfiguredNotifier, note: Notification): void {
    if (to.atOnce.includes(note.event)) {
      const key = `${name}\0${note.dedupeKey}`;
      const now = this.#ctx.clock.mono();
      const told = this.#toldMono.get(key);
      if (note.severity !== 'info' && told !== undefined && now - told < REPEAT_MS) return;
      this.#toldMono.set(key, now);
      if (this.#toldMono.size > 10_000) this.#toldMono.clear();
      this.#send(name, to, note);
    } else if (to.digest?.of.includes(note.event)) {
      const open = this.#digests.get(name);
      if (open) {
        if (open.lines.length < WAITING_MOST) open.lines.push(note);
        return;
      }
      const cancel = this.#ctx.clock.after(to.digest.everyMs, () => {
        const d = this.#digests.get(name);
        this.#digests.delete(name);
        if (d) this.#send(name, to, digest(d.lines, this.#ctx.clock.wall()));
      });
      this.#digests.set(name, { lines: [note], cancel });
    }
  }

  #send(name: string, to: ConfiguredNotifier, note: Notification): void {
    if (this.#waiting >= WAITING_MOST) {
      this.#ctx.log.warn({ notifier: name }, 'too many messages wait; dropped one');
      return;
    }
    this.#waiting++;
    withDeadline(this.#ctx.clock, 15_000, `notifier ${name}`, (signal) => to.notifier.send(note, signal))
      .catch((e) => this.#ctx.log.warn({ notifier: name, event: note.event, err: e instanceof Error ? e.message : String(e) }, 'message not sent'))
      .finally(() => {
        this.#waiting--;
      });
  }
}

function digest(notes: readonly Notification[], atMs: number): Notification {
  const groups = new Set(notes.map((n) => n.group));
  return {
    event: 'digest',
    group: null,
    atMs,
    sentence: `${notes.length} change${notes.length === 1 ? '' : 's'} in ${groups.size} group${groups.size === 1 ? '' : 's'}`,
    lines: notes.map((n) => `${n.group ?? ''}  ${n.sentence}`),
    decision: null,
    severity: 'info',
    dedupeKey: `digest:${atMs}`,
  };
}

/** What the last decision of a group was like, to tell when something ended. */
interface Mood {
  blocked: boolean;
  blind: boolean;
  replacedMs: number[];
}

/** Replacements within this time, from this many on, are a loop: the cause is not the machine. */
const LOOP = { count: 3, withinMs: 30 * 60_000 };

/** What an event is to people; most are nothing. */
export function notificationsOf(e: EventRow, last: Decision | null, mood: Mood): Notification[] {
  const text = (key: string): string => textOf(e.data[key]);
  const note = (event: string, severity: Notification['severity'], sentence: string, decision: Decision | null = null, key = event): Notification => ({
    event,
    group: e.group,
    atMs: e.atMs,
    sentence,
    lines: decision ? explainLines(decision) : [],
    decision,
    severity,
    dedupeKey: `${e.group}:${key}`,
  });
  switch (e.type) {
    case 'decision':
      return ofDecision(e, last?.id === text('id') ? last : null, mood, note);
    case 'launch.failed':
      return [note('blocked', 'critical', `${e.group}: a launch failed: ${text('error')}`, null, `launch:${text('code')}`)];
    case 'group.frozen':
      return [note('frozen', 'critical', `${e.group} is frozen: ${text('why')}`)];
    case 'group.not-evaluated':
      return [note('blocked', 'critical', `${e.group} has not been evaluated for ${text('seconds')} s.`, null, 'not-evaluated')];
    case 'control.paused':
      return [note('paused', 'info', `${e.group} was paused by ${e.actor}${text('reason') ? `: ${text('reason')}` : ''}.`)];
    case 'control.resumed':
      return [note('resumed', 'info', `${e.group} was resumed by ${e.actor}.`)];
    case 'config.changed':
      return [note('config_changed', 'info', `The configuration of ${e.group} changed.`)];
    default:
      return [];
  }
}

type Note = (event: string, severity: Notification['severity'], sentence: string, decision?: Decision | null, key?: string) => Notification;

function ofDecision(e: EventRow, d: Decision | null, mood: Mood, note: Note): Notification[] {
  const told = (key: string): string => textOf(e.data[key]);
  const sentence = told('sentence');
  const outcome = told('outcome');
  const notes: Notification[] = [];
  const blocked = outcome === 'blocked';
  if (blocked) notes.push(note('blocked', 'critical', sentence, d, `blocked:${told('reason')}`));
  else if (mood.blocked) notes.push(note('unblocked', 'info', `${e.group} is no longer blocked. ${sentence}`, d));
  mood.blocked = blocked;
  const blind = d?.blind === true;
  if (blind && !mood.blind) notes.push(note('metric_lost', 'warning', sentence, d));
  else if (!blind && mood.blind) notes.push(note('metric_back', 'info', `${e.group} can read its metrics again. ${sentence}`, d));
  mood.blind = blind;
  if (outcome === 'scale_out' || outcome === 'scale_in') notes.push(note(outcome, 'info', sentence, d, `${outcome}:${told('id')}`));
  if (outcome === 'replace') {
    notes.push(note('replaced', 'info', sentence, d, `replaced:${told('id')}`));
    mood.replacedMs = [...mood.replacedMs.filter((at) => e.atMs - at < LOOP.withinMs), e.atMs];
    if (mood.replacedMs.length >= LOOP.count)
      notes.push(
        note('replace_loop', 'critical', `${e.group} replaced machines ${mood.replacedMs.length} times in 30 min; the cause is probably not the machines.`, d),
      );
  }
  if (d?.limits.some((l) => l.code === 'LIMIT_MAX')) notes.push(note('capped', 'warning', sentence, d));
  if (d?.holds.some((h) => h.code === 'HOLD_APPROVAL')) notes.push(note('approval_needed', 'warning', sentence, d));
  return notes;
}

function textOf(value: Json | undefined): string {
  return typeof value === 'string' ? value : typeof value === 'number' ? String(value) : '';
}
