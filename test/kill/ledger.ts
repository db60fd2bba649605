/** What people ordered: a 2xx is a promise that outlives the process, an answer that never came leaves both possible, a refusal nothing. */
import { ApiError, type Client } from '../../src/api/client.ts';
import type { EventJson } from '../../src/api/documents.ts';
import { GROUP } from './world.ts';

/** One thing that orders change, and the value it then has. */
export interface Order {
  readonly key: string;
  readonly value: string;
  /** The event that tells of it. */
  readonly event: string;
  run(client: Client): Promise<unknown>;
}

export class Ledger {
  readonly #possible = new Map<string, Set<string>>();
  /** Acknowledged orders by the event that must tell of them, since the last `tell`. */
  #promised: string[] = [];
  acknowledged = 0;

  async give(client: Client, order: Order): Promise<void> {
    try {
      await order.run(client);
    } catch (e) {
      if (e instanceof ApiError) return; // refused: nothing was changed
      this.#possible.get(order.key)?.add(order.value);
      return;
    }
    this.acknowledged++;
    this.#possible.set(order.key, new Set([order.value]));
    this.#promised.push(order.event);
  }

  /** Something will be ordered whose value is known now. */
  begin(key: string, value: string): void {
    if (!this.#possible.has(key)) this.#possible.set(key, new Set([value]));
  }

  /** What is not as it was promised. What is found is what holds from now on. */
  async broken(client: Client): Promise<string[]> {
    const [group, { instances }, { tokens }, { alerts }] = await Promise.all([
      client.group({ group: GROUP }),
      client.instances({ group: GROUP, gone: 'true' }),
      client.tokens(),
      client.alerts({ resolved: 'true' }),
    ]);
    const now = (key: string): string => {
      const [kind = '', name = ''] = key.split(' ');
      const instance = instances.find((i) => i.id === name);
      if (kind === 'paused') return String(group.pause !== null);
      if (kind === 'floor') return String(group.manual.find((m) => m.kind === 'floor')?.size ?? null);
      if (kind === 'protected') return String(instance?.protected);
      if (kind === 'leaving') return String(instance?.remove_requested);
      if (kind === 'token') return String(tokens.some((t) => t.name === name));
      return alerts.find((a) => a.name === name)?.status ?? 'never';
    };
    const problems: string[] = [];
    for (const [key, possible] of this.#possible) {
      const value = now(key);
      if (!possible.has(value)) problems.push(`${key} is ${value}; acknowledged or possible: ${[...possible].join(' or ')}`);
      this.#possible.set(key, new Set([value]));
    }
    return problems;
  }

  /** Acknowledged orders of which these events, all since the last time, do not tell. */
  untold(events: readonly EventJson[]): string[] {
    const told = new Map<string, number>();
    for (const e of events) told.set(eventName(e), (told.get(eventName(e)) ?? 0) + 1);
    const missing: string[] = [];
    for (const name of this.#promised) {
      const left = told.get(name) ?? 0;
      if (left === 0) missing.push(`an order was acknowledged, and no event tells of it: ${name}`);
      told.set(name, left - 1);
    }
    this.#promised = [];
    return missing;
  }
}

function eventName({ type, data }: EventJson): string {
  const of = data['instance'] ?? data['name'] ?? data['size'];
  return typeof of === 'string' || typeof of === 'number' ? `${type} ${of}` : type;
}

export const orders = {
  pause: (): Order => ({ key: 'paused', value: 'true', event: 'control.paused', run: (c) => c.pause({ group: GROUP, for_s: null }) }),
  resume: (): Order => ({ key: 'paused', value: 'false', event: 'control.resumed', run: (c) => c.resume({ group: GROUP }) }),
  floor: (size: number | null): Order => ({
    key: 'floor',
    value: String(size),
    event: `control.scaled ${size ?? ''}`.trim(),
    run: (c) => c.scale({ group: GROUP, kind: 'floor', size }),
  }),
  protect: (instance: string, on: boolean): Order => ({
    key: `protected ${instance}`,
    value: String(on),
    event: `${on ? 'control.protected' : 'control.unprotected'} ${instance}`,
    run: (c) => c.protect({ instance, on }),
  }),
  drain: (instance: string): Order => ({ key: `leaving ${instance}`, value: 'true', event: `control.drain ${instance}`, run: (c) => c.drain({ instance }) }),
  token: (name: string): Order => ({
    key: `token ${name}`,
    value: 'true',
    event: `token.created ${name}`,
    run: (c) => c.createToken({ name, role: 'viewer' }),
  }),
  alert: (url: string, name: string, on: boolean): Order => ({
    key: `alert ${name}`,
    value: on ? 'firing' : 'resolved',
    event: `alert.${on ? 'fired' : 'resolved'} ${name}`,
    run: () => deliver(url, { name, id: name, state: on ? 'on' : 'off' }),
  }),
};

async function deliver(url: string, alert: object): Promise<void> {
  const options = { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(alert), signal: AbortSignal.timeout(20_000) };
  const { status } = await fetch(`${url}/hooks/chat`, options);
  if (status !== 202) throw new ApiError(status, 'the delivery was not taken');
}
