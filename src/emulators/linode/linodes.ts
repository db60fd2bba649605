/** The Linodes of the account and their life. */

import { randomUUID } from 'node:crypto';
import { Timeline } from '../api/timeline.ts';
import type { EmulatedMachine, FirstBoot, Phase } from '../machines/machines.ts';
import type { LinodeType } from './catalog.ts';
import type { AccountEvent, EventEntity } from './events.ts';
import { releaseAddresses, takeAddresses } from './linode-addresses.ts';
import { linodeView } from './linode-view.ts';
import type { Linode, LinodeAddresses, LinodePlan, Surroundings } from './model.ts';
import { linodeBusy, notFound, refuse } from './refused.ts';

const MAX_LINODES = 10_000;
const SHUTDOWN_MS = 5000;

export class Linodes {
  readonly #account: Surroundings;
  readonly #linodes = new Map<number, Linode>();
  readonly #byMachine = new Map<EmulatedMachine, Linode>();
  readonly #timeline: Timeline<Record<string, unknown>>;

  constructor(account: Surroundings) {
    this.#account = account;
    this.#timeline = new Timeline(account.now);
  }

  all(): Linode[] {
    return [...this.#linodes.values()];
  }

  find(id: number): Linode | undefined {
    return this.#linodes.get(id);
  }

  get(id: number): Linode {
    const linode = this.#linodes.get(id);
    if (linode === undefined) throw notFound();
    return linode;
  }

  view(linode: Linode): Record<string, unknown> {
    return linodeView(linode, this.#account);
  }

  views(staleMs: number): Record<string, unknown>[] {
    return staleMs > 0 ? this.#timeline.asOf(staleMs) : this.all().map((linode) => this.view(linode));
  }

  create(plan: LinodePlan): Linode {
    const account = this.#account;
    if (this.#linodes.size >= MAX_LINODES) throw refuse('Account Limit reached. Please open a support ticket.');
    const id = account.ids.next('linode', 60_000_001);
    const addresses = takeAddresses(account, id, plan);
    const label = plan.label ?? `linode${id}`;
    const booted = plan.booted && plan.image !== null;
    const nowMs = account.now();
    let machine: EmulatedMachine;
    try {
      machine = account.world.create(this.#request(id, label, plan.type, plan.image, addresses, plan.firstBoot, booted));
    } catch (e) {
      releaseAddresses(account, addresses);
      throw e;
    }
    const linode: Linode = {
      ...plan,
      id,
      label,
      createdMs: nowMs,
      updatedMs: nowMs,
      machine,
      addresses,
      hostUuid: randomUUID(),
      configId: account.ids.next('config', 70_000_001),
      diskIds: plan.image === null ? [] : [account.ids.next('disk', 110_000_001), account.ids.next('disk', 110_000_001)],
      alerts: { cpu: 90 * plan.type.vcpus, network_in: 10, network_out: 10, transfer_quota: 80, io: 10_000 },
      watchdog: true,
      doing: null,
      jobs: { make: null, boot: null, stop: null },
    };
    this.#linodes.set(id, linode);
    this.#byMachine.set(machine, linode);
    account.ledger.machineCreated(String(id), label, linode.tags);
    linode.jobs.make = account.events.begin('linode_create', this.entity(linode), account.scaled(account.options.provisionMs));
    if (booted) linode.jobs.boot = account.events.begin('linode_boot', this.entity(linode), account.scaled(account.options.bootMs), true);
    if (plan.firewallId !== null) account.firewalls.attach(plan.firewallId, 'linode', id, label);
    this.changed(linode);
    return linode;
  }

  delete(id: number): void {
    const account = this.#account;
    const linode = this.get(id);
    this.#linodes.delete(id);
    this.#byMachine.delete(linode.machine);
    linode.machine.destroy();
    releaseAddresses(account, linode.addresses);
    account.firewalls.detachAll('linode', id);
    for (const job of Object.values(linode.jobs)) if (job !== null) account.events.end(job, job.endedMs === null);
    this.note('linode_delete', linode);
    account.ledger.machineDeleted(String(id));
    this.#timeline.delete(id);
  }

  boot(id: number): void {
    const linode = this.#idle(id);
    if (linode.machine.phase === 'running') throw refuse(`Linode ${id} already booted.`);
    if (linode.image === null) throw refuse('This Linode has no configuration profile to boot.');
    linode.jobs.boot = this.#job('linode_boot', linode, this.#account.options.bootMs);
    linode.machine.boot();
    this.changed(linode);
  }

  shutdown(id: number): void {
    const linode = this.#idle(id);
    if (linode.machine.phase === 'off') return;
    linode.jobs.stop = this.#job('linode_shutdown', linode, SHUTDOWN_MS);
    linode.machine.shutdown();
    this.changed(linode);
  }

  reboot(id: number): void {
    const linode = this.#idle(id);
    if (linode.machine.phase === 'off') {
      this.boot(id);
      return;
    }
    linode.jobs.boot = this.#job('linode_reboot', linode, this.#account.options.bootMs + SHUTDOWN_MS);
    linode.doing = 'reboot';
    linode.machine.reboot();
    this.changed(linode);
  }

  /** A new disk on the same Linode: its addresses stay. */
  rebuild(id: number, image: string, firstBoot: FirstBoot, hasUserData: boolean, stackscriptId: number | null, booted: boolean): Linode {
    const account = this.#account;
    const linode = this.#idle(id);
    this.#byMachine.delete(linode.machine);
    linode.machine.destroy();
    Object.assign(linode, { image, firstBoot, hasUserData, stackscriptId, doing: 'rebuild' });
    linode.machine = account.world.create(this.#request(id, linode.label, linode.type, image, linode.addresses, firstBoot, booted));
    this.#byMachine.set(linode.machine, linode);
    linode.jobs.make = this.#job('linode_rebuild', linode, account.options.provisionMs);
    linode.jobs.boot = booted ? account.events.begin('linode_boot', this.entity(linode), account.scaled(account.options.bootMs), true) : null;
    this.changed(linode);
    return linode;
  }

  /** Gives a private address to a Linode without one. */
  addPrivateV4(id: number): string {
    const linode = this.get(id);
    if (linode.addresses.privateV4 !== null) throw refuse('Linodes are limited to one private IP address.');
    const address = this.#account.network.takePrivateV4();
    linode.addresses.privateV4 = address;
    linode.machine.addPrivateV4(address);
    this.changed(linode);
    return address;
  }

  /** Called by the world. */
  onPhase(machine: EmulatedMachine, from: Phase): void {
    const linode = this.#byMachine.get(machine);
    if (linode === undefined) return;
    const { events } = this.#account;
    const { make, boot, stop } = linode.jobs;
    if (machine.phase !== 'provisioning' && make !== null) events.end(make);
    if (machine.phase === 'booting' && boot !== null) events.start(boot);
    if (machine.phase === 'running' && boot !== null) events.end(boot);
    if (machine.phase === 'off' && stop !== null) events.end(stop);
    // It stopped while booting: the boot failed. A reboot passes through `off` on its way.
    const stoppedForGood = machine.phase === 'off' && !(linode.doing === 'reboot' && from === 'stopping');
    if (stoppedForGood && boot !== null) events.end(boot, true);
    if (machine.phase === 'running' || stoppedForGood) linode.doing = null;
    this.changed(linode);
  }

  /** After any change that an answer shows. */
  changed(linode: Linode): void {
    linode.updatedMs = this.#account.now();
    this.#account.ledger.machineChanged(String(linode.id), linode.label, linode.tags);
    this.#timeline.set(linode.id, this.view(linode));
  }

  note(action: string, linode: Linode): void {
    this.#account.events.note(action, this.entity(linode));
  }

  entity({ id, label }: Linode): EventEntity {
    return { id, label, type: 'linode', url: `/v4/linode/instances/${id}` };
  }

  /** Throws Refused: no such Linode, or a job of it is under way. */
  #idle(id: number): Linode {
    const linode = this.get(id);
    if (linode.doing !== null || (linode.machine.phase !== 'running' && linode.machine.phase !== 'off')) throw linodeBusy();
    return linode;
  }

  #job(action: string, linode: Linode, expectedMs: number): AccountEvent {
    return this.#account.events.begin(action, this.entity(linode), this.#account.scaled(expectedMs));
  }

  #request(id: number, name: string, type: LinodeType, image: string | null, addresses: LinodeAddresses, firstBoot: FirstBoot, booted: boolean) {
    const { publicV4, privateV4, vpc, v6 } = addresses;
    return {
      name,
      image,
      vcpus: type.vcpus,
      memoryMb: type.memory,
      addresses: { publicV4, privateV4, vpcV4: vpc?.address ?? null, v6 },
      firstBoot: { ...firstBoot, env: { ...firstBoot.env, ...(firstBoot.script === null ? {} : ownFields(id, type)) } },
      booted,
    };
  }
}

/** What every StackScript is told of its Linode, beside its own fields. */
function ownFields(id: number, type: LinodeType): Record<string, string> {
  return { LINODE_ID: String(id), LINODE_LISHUSERNAME: `linode${id}`, LINODE_RAM: String(type.memory) };
}
