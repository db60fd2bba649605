/** What happened to the account, newest last. */
import { timeText } from './times.ts';

export interface EventEntity {
  readonly id: number;
  readonly label: string;
  readonly type: 'linode' | 'nodebalancer' | 'firewall' | 'stackscript' | 'image' | 'vpc' | 'tag' | 'token';
  readonly url: string;
}

/** A job as an event shows it. */
export interface AccountEvent {
  readonly id: number;
  readonly action: string;
  readonly createdMs: number;
  readonly entity: EventEntity;
  /** How long it is going to take, ms; null: over at once. */
  readonly expectedMs: number | null;
  /** Null: waits behind another job. */
  startedMs: number | null;
  endedMs: number | null;
  failed: boolean;
  seen: boolean;
  read: boolean;
}

const MAX_EVENTS = 100_000;
/** A job is listed as scheduled for this part of its time. */
const SCHEDULED_PART = 0.05;

export class EventLog {
  readonly #now: () => number;
  readonly #events: AccountEvent[] = [];
  #lastId = 500_000_000;

  constructor(now: () => number) {
    this.#now = now;
  }

  /** Something that took no time. */
  note(action: string, entity: EventEntity): AccountEvent {
    return this.#add(action, entity, null, this.#now());
  }

  /** A job; with `queued` it waits until `start`. */
  begin(action: string, entity: EventEntity, expectedMs: number, queued = false): AccountEvent {
    return this.#add(action, entity, expectedMs, queued ? null : this.#now());
  }

  start(event: AccountEvent): void {
    event.startedMs ??= this.#now();
  }

  end(event: AccountEvent, failed = false): void {
    if (event.endedMs !== null) return;
    this.start(event);
    event.endedMs = this.#now();
    event.failed = failed;
  }

  all(): readonly AccountEvent[] {
    return this.#events;
  }

  get(id: number): AccountEvent | undefined {
    return this.#events.find((event) => event.id === id);
  }

  view(event: AccountEvent): Record<string, unknown> {
    const { status, percent } = this.#progress(event);
    const lastMs = event.endedMs ?? this.#now();
    return {
      id: event.id,
      action: event.action,
      created: timeText(event.createdMs),
      duration: event.startedMs === null || event.expectedMs === null ? 0 : Math.round(lastMs - event.startedMs) / 1000,
      entity: event.entity,
      secondary_entity: null,
      message: null,
      percent_complete: percent,
      rate: null,
      read: event.read,
      seen: event.seen,
      status,
      time_remaining: null,
      username: 'emulated',
    };
  }

  #add(action: string, entity: EventEntity, expectedMs: number | null, startedMs: number | null): AccountEvent {
    if (this.#events.length >= MAX_EVENTS) this.#events.shift();
    const event: AccountEvent = {
      id: ++this.#lastId,
      action,
      createdMs: this.#now(),
      entity,
      expectedMs,
      startedMs,
      endedMs: null,
      failed: false,
      seen: false,
      read: false,
    };
    this.#events.push(event);
    return event;
  }

  #progress(event: AccountEvent): { status: string; percent: number } {
    if (event.expectedMs === null) return { status: 'notification', percent: 100 };
    if (event.endedMs !== null) return { status: event.failed ? 'failed' : 'finished', percent: 100 };
    if (event.startedMs === null) return { status: 'scheduled', percent: 0 };
    const part = (this.#now() - event.startedMs) / Math.max(1, event.expectedMs);
    if (part < SCHEDULED_PART) return { status: 'scheduled', percent: 0 };
    return { status: 'started', percent: Math.min(99, Math.max(1, Math.floor(part * 100))) };
  }
}
