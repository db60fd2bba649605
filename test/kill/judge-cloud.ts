/** Ground truth of a cloud: what really exists, who was asked for what and when, and what must never be asked for. */
import { createServer, type Server } from 'node:http';
import { Dice } from './dice.ts';

export interface JudgeMachine {
  readonly id: string;
  readonly name: string;
  /** Null: it carries no tags. */
  readonly tags: { readonly token: string; readonly group: string; readonly install: string; readonly instance: string; readonly template: string } | null;
  readonly address: string;
  readonly port: number;
  state: 'pending' | 'running' | 'deleting';
}

/** What the judge was asked and what came of it, with the wall time. */
export interface Entry {
  readonly atMs: number;
  readonly op: 'create' | 'created' | 'delete' | 'deleting' | 'attach' | 'drain' | 'detach' | 'hook';
  /** Token of a create, machine of a delete, entry of the balancer, token of a hook. */
  readonly what: string;
  readonly machine: string | null;
  /** Machines of the group that nobody asked to delete, after it. */
  readonly standing: readonly string[];
}

/** How this cloud behaves, drawn from its seed. Shares are per token or machine, and never twice for the same one. */
export interface Manners {
  readonly listMs: number;
  readonly createMs: number;
  readonly bootMs: number;
  readonly deleteMs: number;
  readonly goneMs: number;
  /** The machine exists only when the answer goes out, instead of when the question came in. */
  readonly late: boolean;
  readonly loseCreate: number;
  readonly loseDelete: number;
  readonly failList: number;
  readonly partList: number;
}

export function mannersOf(seed: number): Manners {
  const dice = new Dice(seed * 7919);
  return {
    listMs: dice.between(0, 40),
    createMs: dice.between(10, 200),
    bootMs: dice.between(0, 150),
    deleteMs: dice.between(0, 120),
    goneMs: dice.between(0, 150),
    late: dice.chance(0.5),
    loseCreate: dice.next() * 0.4,
    loseDelete: dice.next() * 0.4,
    failList: dice.next() * 0.06,
    partList: dice.next() * 0.06,
  };
}

/** Longer than a controller needs to be back: the machine of the dead one's call appears in front of the new one. */
const VERY_LATE = { late: true, createMs: 4_000 };

export interface Place {
  /** First two bytes of the addresses. */
  readonly network: string;
  /** Where every machine answers. */
  readonly port: number;
  /** A create that is repeated gives the same machine. */
  readonly knowsTokens: boolean;
}

export interface Call {
  readonly name: string;
  readonly id: string;
  readonly token: string;
  readonly group: string;
  readonly install: string;
  readonly instance: string;
  readonly template: string;
}

/** Exit code and output of the command; null: the connection breaks without an answer. */
export type Answer = { readonly code: number; readonly body: string } | null;

const UNKNOWN_MACHINE: Answer = { code: 11, body: '' };
const pause = (ms: number): Promise<void> => new Promise((done) => setTimeout(done, ms));

export class JudgeCloud {
  readonly machines = new Map<string, JudgeMachine>();
  readonly diary: Entry[] = [];
  readonly violations: string[] = [];
  readonly #manners: Manners;
  readonly #dice: Dice;
  readonly #place: Place;
  readonly #servers = new Map<string, Server>();
  readonly #making = new Map<string, Promise<JudgeMachine>>();
  readonly #lost = new Set<string>();
  #made = 0;
  /** No answer is lost and no list is bad any more; calls still take their time. */
  calm = true;
  /** Says what stands in the balancer for a machine that is to be deleted, or that it never was drained; null: all is well. */
  readonly stillInUse: (machine: JudgeMachine) => string | null;

  constructor(seed: number, place: Place, stillInUse: (machine: JudgeMachine) => string | null) {
    this.#manners = { ...mannersOf(seed), ...(place.knowsTokens ? {} : VERY_LATE) };
    this.#dice = new Dice(seed);
    this.#place = place;
    this.stillInUse = stillInUse;
    const tags = { token: 'somebody-else.web.1', group: 'web', install: 'somebody-else', instance: 'web-1', template: '' };
    for (const [id, theirs] of [
      ['foreign-1', null],
      ['foreign-2', tags],
    ] as const)
      this.machines.set(id, { id, name: 'web-1', tags: theirs, address: `${place.network}.255.${this.machines.size + 1}`, port: place.port, state: 'running' });
  }

  note(op: Entry['op'], what: string, machine: string | null = null): void {
    this.diary.push({ atMs: Date.now(), op, what, machine, standing: this.#standing() });
  }

  async answer(call: Call): Promise<Answer> {
    switch (call.name) {
      case 'list':
        return this.#list();
      case 'get':
        return this.#get(call.id);
      case 'create':
        return this.#create(call);
      case 'delete':
        return this.#delete(call.id);
      default:
        return { code: 16, body: '' };
    }
  }

  #standing(): string[] {
    return [...this.machines.values()].filter((m) => !m.id.startsWith('foreign-') && m.state !== 'deleting').map((m) => m.id);
  }

  async #list(): Promise<Answer> {
    const items = [...this.machines.values()].map(shown); // as of when the question came
    await pause(this.#manners.listMs);
    if (!this.calm && this.#dice.chance(this.#manners.failList)) return { code: 1, body: '' };
    if (this.calm || !this.#dice.chance(this.#manners.partList)) return { code: 0, body: JSON.stringify({ machines: items }) };
    return { code: 0, body: JSON.stringify({ machines: items.slice(0, this.#dice.between(0, items.length)), complete: false }) };
  }

  async #get(id: string): Promise<Answer> {
    await pause(this.#manners.listMs);
    const machine = this.machines.get(id);
    return machine ? { code: 0, body: JSON.stringify(shown(machine)) } : UNKNOWN_MACHINE;
  }

  async #create(call: Call): Promise<Answer> {
    this.note('create', call.token);
    if (call.token === '' || call.install === '') this.violations.push('a create without token or owner');
    let making = this.#place.knowsTokens ? this.#making.get(call.token) : undefined;
    if (making === undefined) {
      making = this.#make(call);
      this.#making.set(call.token, making);
    }
    const machine = await making;
    if (!this.#manners.late) await pause(this.#manners.createMs);
    if (this.#loses(`create ${call.token}`, this.#manners.loseCreate)) return null;
    return { code: 0, body: JSON.stringify(shown(this.machines.get(machine.id) ?? machine)) };
  }

  async #make(call: Call): Promise<JudgeMachine> {
    if (this.#manners.late) await pause(this.#manners.createMs);
    const n = ++this.#made;
    const { token, group, install, instance, template } = call;
    const address = `${this.#place.network}.${n >> 8}.${n & 255}`;
    const machine: JudgeMachine = {
      id: `vm-${n}`,
      name: instance,
      tags: { token, group, install, instance, template },
      address,
      port: this.#place.port,
      state: 'pending',
    };
    this.machines.set(machine.id, machine);
    this.note('created', token, machine.id);
    setTimeout(() => void this.#boot(machine), this.#manners.bootMs);
    return machine;
  }

  async #boot(machine: JudgeMachine): Promise<void> {
    if (machine.state !== 'pending') return;
    const server = createServer((_, response) => response.end('ok'));
    this.#servers.set(machine.id, server);
    await new Promise<void>((done) => server.listen(this.#place.port, machine.address, done));
    if (machine.state === 'pending') machine.state = 'running';
    else this.#shut(machine);
  }

  async #delete(id: string): Promise<Answer> {
    this.note('delete', id);
    await pause(this.#manners.deleteMs / 2);
    const machine = this.machines.get(id);
    if (!machine) return UNKNOWN_MACHINE;
    if (machine.state !== 'deleting') this.#end(machine);
    await pause(this.#manners.deleteMs / 2);
    return this.#loses(`delete ${id}`, this.#manners.loseDelete) ? null : { code: 0, body: '' };
  }

  #end(machine: JudgeMachine): void {
    const { id } = machine;
    if (id.startsWith('foreign-')) this.violations.push(`${id} was deleted: it is somebody else's`);
    const use = this.stillInUse(machine);
    if (use !== null) this.violations.push(`${id} was deleted: ${use}`);
    machine.state = 'deleting';
    this.note('deleting', id, id);
    this.#shut(machine);
    setTimeout(() => this.machines.delete(id), this.#manners.goneMs);
  }

  #shut(machine: JudgeMachine): void {
    const server = this.#servers.get(machine.id);
    server?.close();
    server?.closeAllConnections();
    this.#servers.delete(machine.id);
  }

  #loses(what: string, share: number): boolean {
    if (this.calm || this.#lost.has(what) || !this.#dice.chance(share)) return false;
    this.#lost.add(what);
    return true;
  }
}

function shown({ id, name, tags, state, address, port }: JudgeMachine): object {
  return { id, name, state, address, port, ...tags };
}
