import { durationMs } from '../../../kit/duration-text.ts';
import { openRuntime, parseTarget } from '../../../kit/haproxy-runtime.ts';
import type { Balancer, Member, MemberRequest } from '../../../ports/balancer.ts';
import type { ListResult } from '../../../ports/cloud.ts';
import type { DriverPorts } from '../../../ports/driver.ts';
import { DriverError } from '../../../ports/errors.ts';
import { HaproxyClient, isNotFound } from './client.ts';
import { clearSlot, deleteServer, join, leave, type StepTools, settle, startDrain, waitUntilUp } from './join.ts';
import { canonicalIp, chooseSlot, findByAddress, findByRef, hostPort, isPlaceholder, type Layout, layoutOf, refOf, slotRef } from './layout.ts';
import type { HaproxyOptions } from './options.ts';
import { type Server, toMember } from './servers.ts';
import { StateFile } from './state-file.ts';

const BUSY_POLL_MS = 200;
const ROLLBACK_MS = 5_000;

/** What a place was found for: the server, its name for the engine, and whether it was empty or new a moment ago. */
interface Place {
  readonly server: Server;
  readonly ref: string;
  readonly fresh: boolean;
}

export class HaproxyBalancer implements Balancer {
  readonly #options: HaproxyOptions;
  readonly #ports: DriverPorts;
  readonly #client: HaproxyClient;
  readonly #tools: StepTools;
  readonly #stateFile: StateFile | null;
  /** Servers on their way in, by name: not to be taken by another attach, and not yet to be trusted after a restart. */
  readonly #joining = new Set<string>();
  /** Attaches under way, by address: a second one of the same member would take the first one's proof away. */
  readonly #attaching = new Map<string, Promise<unknown>>();
  #prefix: string | null = null;
  #placing: Promise<unknown> = Promise.resolve();

  constructor(options: HaproxyOptions, ports: DriverPorts) {
    this.#options = options;
    this.#ports = ports;
    const target = options.socket === undefined ? parseTarget(options.address ?? '') : { path: ports.files.resolve(ports.baseDir, options.socket) };
    if (target === null) throw new DriverError('bad-request', 'haproxy: write either `socket` or `address`');
    this.#client = new HaproxyClient(openRuntime(ports.sockets, target, durationMs(options.timeout)), options.backend);
    this.#tools = { client: this.#client, clock: ports.clock };
    this.#stateFile = options.state_file === undefined ? null : new StateFile(ports, this.#client, ports.files.resolve(ports.baseDir, options.state_file));
  }

  async members(signal: AbortSignal): Promise<ListResult<Member>> {
    const asOfMs = this.#ports.clock.wall();
    const layout = await this.#layout(signal);
    const items = layout.members.map((s) => toMember(s, refOf(s, layout), this.#joining.has(s.name)));
    return { items, complete: true, asOfMs };
  }

  async attach(member: MemberRequest, signal: AbortSignal): Promise<string> {
    refuseBadMember(member);
    const key = hostPort(canonicalIp(member.address) ?? member.address, member.port);
    for (let other = this.#attaching.get(key); other; other = this.#attaching.get(key)) await other;
    if (signal.aborted) throw new DriverError('unreachable', `${key}: aborted while another attach of it was under way`, { definite: true });
    const mine = this.#attachNow(member, signal);
    const settled = mine.then(noop, noop).then(() => this.#attaching.delete(key));
    this.#attaching.set(key, settled);
    return mine;
  }

  async #attachNow(member: MemberRequest, signal: AbortSignal): Promise<string> {
    const place = await this.#place(member, signal);
    const { server } = place;
    try {
      if (!place.fresh && member.weight !== null && server.weight !== member.weight) await this.#client.setWeight(server.name, member.weight, signal);
      if (!server.maint && !server.drain) {
        await waitUntilUp(this.#tools, server, signal);
        return place.ref;
      }
      const { checked } = await join(this.#tools, server, this.#options.check, signal);
      if (this.#options.check && !checked) {
        this.#ports.log.warn({ backend: this.#options.backend, server: server.name }, 'HAProxy has no check configured for this server; it joined without one');
      }
    } catch (e) {
      if (place.fresh) await this.#rollBack(place, e);
      throw e;
    } finally {
      this.#joining.delete(server.name);
    }
    await this.#save();
    return place.ref;
  }

  async drain(ref: string, signal: AbortSignal): Promise<void> {
    const found = await this.#find(ref, signal);
    if (found === null || found.server.maint || (found.server.drain && !this.#joining.has(found.server.name))) return;
    await gone(() => startDrain(this.#tools, found.server, signal));
    await this.#save();
  }

  async detach(ref: string, signal: AbortSignal): Promise<void> {
    const found = await this.#find(ref, signal);
    if (found === null) return;
    await gone(() => this.#takeOut(found.server, found.layout, signal));
    await this.#save();
  }

  async #takeOut(server: Server, layout: Layout, signal: AbortSignal): Promise<void> {
    await leave(this.#tools, server, durationMs(this.#options.cut_after), signal);
    if (layout.slots.has(server.name)) await clearSlot(this.#tools, server, layout.placeholder, signal);
    else await deleteServer(this.#tools, server.name, signal);
  }

  async #layout(signal: AbortSignal): Promise<Layout> {
    const layout = layoutOf(await this.#client.servers(signal), this.#options, this.#prefix);
    this.#prefix = layout.prefix ?? this.#prefix;
    return layout;
  }

  async #find(ref: string, signal: AbortSignal): Promise<{ server: Server; layout: Layout } | null> {
    const layout = await this.#layout(signal);
    const server = findByRef(layout, ref);
    return server && { server, layout };
  }

  /** The member's present server, or a free one filled with its address. One at a time, so that two members never take the same. */
  async #place(member: MemberRequest, signal: AbortSignal): Promise<Place> {
    for (;;) {
      const turn = this.#placing.then(() => this.#placeNow(member, signal));
      this.#placing = turn.catch(() => {});
      const place = await turn;
      if (place) return place;
      await this.#ports.clock.sleep(BUSY_POLL_MS, signal).catch((cause) => {
        throw new DriverError('no-capacity', `the free slots of backend ${this.#options.backend} still have sessions of earlier members`, { cause });
      });
    }
  }

  /** Null: every free slot still has something of its previous member in it. */
  async #placeNow(member: MemberRequest, signal: AbortSignal): Promise<Place | null> {
    const layout = await this.#layout(signal);
    const present = findByAddress(layout, member.address, member.port);
    if (present) {
      if (present.maint || present.drain) this.#joining.add(present.name);
      return { server: present, ref: refOf(present, layout), fresh: false };
    }
    const name = layout.mode === 'slots' ? this.#chooseSlot(layout) : `${this.#options.prefix}${member.instance}`;
    if (name === null) return null;
    this.#joining.add(name);
    try {
      if (layout.mode === 'slots') await this.#fillSlot(name, layout, member, signal);
      else await this.#addServer(name, member, signal);
      const server = await settle(this.#tools, { name, address: member.address, port: member.port }, signal);
      return { server, ref: layout.mode === 'slots' ? slotRef(server) : name, fresh: true };
    } catch (e) {
      this.#joining.delete(name);
      throw e;
    }
  }

  #chooseSlot(layout: Layout): string | null {
    const { backend, slots: prefix } = this.#options;
    if (layout.slots.size === 0) {
      throw new DriverError(
        'bad-request',
        `backend ${backend} has no slots${prefix === undefined ? '' : ` named ${prefix}1, ${prefix}2, …`}; give it a \`server-template … disabled\``,
      );
    }
    const { slot, busy } = chooseSlot(layout, this.#joining);
    if (slot) return slot.name;
    if (busy) return null;
    throw new DriverError('no-capacity', `all ${layout.slots.size} slots of backend ${backend} are in use; raise the number in its server-template`);
  }

  async #fillSlot(name: string, layout: Layout, member: MemberRequest, signal: AbortSignal): Promise<void> {
    const slot = layout.slots.get(name);
    if (!slot) return;
    if (!isPlaceholder(slot, layout.placeholder)) this.#ports.log.info({ server: name }, 'using a slot that was left behind in maintenance');
    if (!slot.maint) await this.#client.setState(name, 'maint', signal);
    // The weight first: when it is refused, the slot is still empty.
    const weight = member.weight ?? slot.initialWeight;
    if (slot.weight !== weight) await this.#client.setWeight(name, weight, signal);
    await this.#client.setAddress(name, member.address, member.port, signal);
  }

  async #addServer(name: string, member: MemberRequest, signal: AbortSignal): Promise<void> {
    const own = this.#options.server_options.trim();
    const words = [this.#options.check && !/(^|\s)check(\s|$)/.test(own) ? 'check' : '', member.weight === null ? '' : `weight ${member.weight}`, own];
    await this.#client.addServer(name, member.address, member.port, words.filter((w) => w !== '').join(' '), signal);
  }

  /** A member that could not join leaves nothing behind; the call that failed decides what is thrown. */
  async #rollBack(place: Place, why: unknown): Promise<void> {
    // Gone or changed by another hand: not ours to clean.
    if (why instanceof DriverError && why.code === 'conflict') return;
    const limit = new AbortController();
    const cancel = this.#ports.clock.after(ROLLBACK_MS, () => limit.abort());
    try {
      await this.detach(place.ref, limit.signal);
    } catch (e) {
      this.#ports.log.warn({ server: place.server.name, error: String(e) }, 'could not take back a server that failed to join; it gets no traffic');
    } finally {
      cancel();
    }
  }

  async #save(): Promise<void> {
    await this.#stateFile?.save(this.#options.backend, this.#joining);
  }
}

/** A server that disappears under a drain or a detach is what was asked for. */
async function gone(run: () => Promise<void>): Promise<void> {
  try {
    await run();
  } catch (e) {
    if (!isNotFound(e)) throw e;
  }
}

function noop(): void {}

function refuseBadMember(member: MemberRequest): void {
  const where = hostPort(member.address, member.port);
  if (canonicalIp(member.address) === null)
    throw new DriverError('bad-request', `${where}: HAProxy resolves no names at run time; the cloud has to report an IP address`);
  if (!Number.isInteger(member.port) || member.port < 1 || member.port > 65_535) throw new DriverError('bad-request', `${where}: a port is 1 to 65535`);
  if (!/^[A-Za-z0-9_.:-]{1,128}$/.test(member.instance)) throw new DriverError('bad-request', `"${member.instance}" cannot be a server name in HAProxy`);
  const { weight } = member;
  if (weight !== null && (!Number.isInteger(weight) || weight < 1 || weight > 256))
    throw new DriverError('bad-request', `weight ${weight}: HAProxy takes 1 to 256`);
}
