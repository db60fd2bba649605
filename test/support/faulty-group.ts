/** One group of the real controller over an emulated account in which something goes wrong, and what came of it. */
import { expect } from 'vitest';
import type { FaultInput } from '../../src/emulators/api/faults.ts';
import type { LedgerMachine, LedgerMember } from '../../src/emulators/api/ledger.ts';
import { until } from './daemon.ts';
import type { ControllerProcess } from './e2e-controller.ts';
import { type EmulatedLinode, type Front, type Linode, type Node, privateOf } from './emulated-linode.ts';

const PATIENCE_MS = 150_000;

/** The calls of one machine's life. */
export type Call = 'create' | 'join' | 'drain' | 'leave' | 'delete';

export class FaultyGroup {
  /** Lower-case letters: what its machines and nodes are called begins with it and a hyphen. */
  readonly name: string;
  readonly front: Front;
  readonly #world: EmulatedLinode;
  readonly #drover: ControllerProcess;

  constructor(name: string, world: EmulatedLinode, front: Front, drover: ControllerProcess) {
    this.name = name;
    this.front = front;
    this.#world = world;
    this.#drover = drover;
  }

  async size(size: number): Promise<void> {
    await this.#drover.client.scale({ group: this.name, kind: 'exact', size, for_s: null, reason: 'test' });
  }

  async rows() {
    return (await this.#drover.client.instances({ group: this.name, gone: 'false' })).instances;
  }

  async linodes(): Promise<readonly Linode[]> {
    return (await this.#world.linodes()).filter((each) => each.label.startsWith(`${this.name}-`));
  }

  async nodes(): Promise<readonly Node[]> {
    return (await this.front.nodes()).filter((each) => each.label.startsWith(`${this.name}-`));
  }

  /** Every machine and every node of it there ever was. */
  async ledger(): Promise<{ readonly machines: readonly LedgerMachine[]; readonly members: readonly LedgerMember[] }> {
    const { machines, members } = await this.#world.ledger();
    const ours = (each: { label: string }): boolean => each.label.startsWith(`${this.name}-`);
    return { machines: machines.filter(ours), members: members.filter(ours) };
  }

  /** Events and decisions as text: what an operator could have read. */
  async told(): Promise<string> {
    const { client } = this.#drover;
    const [{ events }, { decisions }] = await Promise.all([
      client.events({ group: this.name, limit: 200 }),
      client.decisions({ group: this.name, limit: 100 }),
    ]);
    return [...events.map((e) => `${e.type} ${JSON.stringify(e.data)}`), ...decisions.map((d) => JSON.stringify(d))].join('\n');
  }

  /** The next call of this kind by this group meets it, once. The id of the fault. */
  async fault(call: Call, fault: { readonly kind: FaultInput['kind'] } & Record<string, unknown>): Promise<number> {
    const where = await this.#where(call);
    return (await this.#world.control<{ id: number }>('POST', '/faults', { ...fault, ...where, count: 1 })).id;
  }

  async #where(call: Call): Promise<Record<string, string>> {
    const nodes = `/nodebalancers/${this.front.id}/configs/${this.front.configId}/nodes`;
    const contains = `"${this.name}-`;
    if (call === 'create') return { method: 'POST', path: '/linode/instances', contains };
    if (call === 'join') return { method: 'POST', path: nodes, contains };
    const [[linode], [node]] = [await this.linodes(), await this.nodes()];
    if (call === 'delete') return { method: 'DELETE', path: `/linode/instances/${linode?.id}` };
    return { method: call === 'drain' ? 'PUT' : 'DELETE', path: `${nodes}/${node?.id}` };
  }

  /** None of these faults waits any more: each was met. */
  async met(ids: readonly number[]): Promise<void> {
    const { faults } = await this.#world.control<{ faults: { id: number }[] }>('GET', '/faults');
    const waiting = faults.map((each) => each.id);
    expect(
      ids.filter((id) => waiting.includes(id)),
      `${this.name}: faults that nobody met`,
    ).toEqual([]);
  }

  /** So many serve, each one machine that is UP in the balancer, and there is no other. */
  async serves(size: number): Promise<void> {
    await until(
      `${this.name} to serve with ${size}`,
      async () => {
        const [rows, linodes, nodes] = [await this.rows(), await this.linodes(), await this.nodes()];
        if (rows.length !== size || linodes.length !== size || nodes.length !== size) return false;
        if (rows.some((row) => row.state !== 'serving') || nodes.some((node) => node.status !== 'UP' || node.mode !== 'accept')) return false;
        const port = this.#world.ports.web;
        expect(rows.map((row) => String(row.machine)).sort()).toEqual(linodes.map((each) => String(each.id)).sort());
        expect(nodes.map((node) => node.address).sort()).toEqual(linodes.map((each) => `${privateOf(each)}:${port}`).sort());
        return true;
      },
      PATIENCE_MS,
      200,
    );
  }

  async isEmpty(): Promise<void> {
    await until(
      `${this.name} to be empty`,
      async () => (await this.rows()).length === 0 && (await this.linodes()).length === 0 && (await this.nodes()).length === 0,
      PATIENCE_MS,
      200,
    );
  }

  /** So many machines were ever made, `living` of them live; each node was gone before its machine; nothing has a twin. */
  async balances(made: number, living: number): Promise<void> {
    const { machines, members } = await this.ledger();
    expect(
      machines.map((each) => each.label),
      `${this.name}: machines made`,
    ).toHaveLength(made);
    expect(new Set(machines.map((each) => each.label)).size).toBe(made);
    expect(machines.filter((each) => each.deleted_ms === null)).toHaveLength(living);
    const open = members.filter((each) => each.deleted_ms === null);
    expect(new Set(open.map((each) => each.address)).size).toBe(open.length);
    expect(open).toHaveLength(living);
  }

  async diagnosis(): Promise<string> {
    return `── ${this.name}\n${JSON.stringify(await this.rows())}\n${JSON.stringify(await this.ledger())}\n${await this.told()}`;
  }
}
