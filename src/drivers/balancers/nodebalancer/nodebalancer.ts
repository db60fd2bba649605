/** The nodes of one configuration of a NodeBalancer, over the API v4 of Linode (Akamai). */
import { z } from 'zod';
import { checkScope, LinodeApi } from '../../../kit/linode-api.ts';
import { excerpt } from '../../../kit/redact.ts';
import type { Balancer, Member, MemberRequest } from '../../../ports/balancer.ts';
import type { ListResult } from '../../../ports/cloud.ts';
import type { DriverPorts } from '../../../ports/driver.ts';
import { DriverError } from '../../../ports/errors.ts';
import type { Need, Place } from '../../../ports/preflight.ts';
import { isOurNode, nodeLabel } from './node-label.ts';
import type { NodeBalancerOptions } from './options.ts';
import { type ConfigReply, configReply, type NodeReply, nodeBalancerReply, nodeReply } from './replies.ts';
import { healthOf, hostPort, toMember } from './translate.ts';

/** Between two looks at a node that waits for its check: soon at first. */
const FIRST_POLL_MS = 250;
const LAST_POLL_MS = 2_000;
/** A configuration is read again after this. */
const CONFIG_MS = 60_000;
const MOST_WEIGHT = 255;

/** The part of the API that is ours to manage. */
interface Managed {
  readonly nodes: string;
  readonly config: ConfigReply;
  readonly region: string;
  readonly readMono: number;
}

export class NodeBalancer implements Balancer {
  readonly #options: NodeBalancerOptions;
  readonly #ports: DriverPorts;
  readonly #api: LinodeApi;
  #place: Managed | null = null;
  /** Nodes whose attach is under way, by id. */
  readonly #joining = new Map<number, number>();
  /** The end of the last attach, by address: a second one of the same member waits, or it would make a second node. */
  readonly #attaching = new Map<string, Promise<unknown>>();

  constructor(options: NodeBalancerOptions, ports: DriverPorts) {
    this.#options = options;
    this.#ports = ports;
    this.#api = new LinodeApi(options, ports, { listsPerMinute: options.lists_per_minute });
  }

  async members(signal: AbortSignal): Promise<ListResult<Member>> {
    const asOfMs = this.#ports.clock.wall();
    const { nodes, config } = await this.#find(signal);
    const { items, complete } = await this.#list(nodes, signal);
    const ours = items.filter((node) => this.#isOurs(node));
    return { items: ours.map((node) => toMember(node, isChecked(config), this.#joining.has(node.id))), complete, asOfMs };
  }

  async attach(member: MemberRequest, signal: AbortSignal): Promise<string> {
    const address = hostPort(member.address, member.port);
    const before = this.#attaching.get(address) ?? Promise.resolve();
    const mine = before.then(() => this.#put(member, address, signal));
    const settled = mine.then(noop, noop).then(() => {
      if (this.#attaching.get(address) === settled) this.#attaching.delete(address);
    });
    this.#attaching.set(address, settled);
    const { node, place } = await mine;
    if (isChecked(place.config)) await this.#waitUntilUp(node, place, signal);
    return String(node.id);
  }

  async drain(ref: string, signal: AbortSignal): Promise<void> {
    const path = await this.#ours(ref, signal);
    if (path !== null) await this.#unlessGone(this.#api.call('PUT', path, { schema: nodeReply, signal, json: { mode: 'drain' } }));
  }

  async detach(ref: string, signal: AbortSignal): Promise<void> {
    const path = await this.#ours(ref, signal);
    if (path !== null) await this.#unlessGone(this.#api.call('DELETE', path, { schema: z.unknown(), signal }));
  }

  async preflight(need: Need, signal: AbortSignal): Promise<void> {
    this.#place = null;
    await checkScope(this.#api, 'nodebalancers', need, () => this.#find(signal));
    const { config } = await this.#find(signal);
    if (!isChecked(config)) {
      this.#ports.log.warn(
        { port: config.port },
        'this NodeBalancer does not check its nodes (`check: none`): a member that fails goes on getting requests until Drover takes it out',
      );
    }
  }

  async place(signal: AbortSignal): Promise<Place | null> {
    const { region } = await this.#find(signal);
    const { subnet_id: subnet } = this.#options;
    return { realm: 'linode', region, network: subnet === undefined ? 'private addresses' : `VPC subnet ${subnet}` };
  }

  /** The node of this address, made or brought back, accepting. */
  async #put(member: MemberRequest, address: string, signal: AbortSignal): Promise<{ node: NodeReply; place: Managed }> {
    const place = await this.#find(signal);
    const there = (await this.#list(place.nodes, signal)).items.filter((node) => node.address === address);
    const foreign = there.find((node) => !this.#isOurs(node));
    if (foreign !== undefined) {
      throw new DriverError(
        'conflict',
        `the NodeBalancer has a node with the address ${address} that is not ours: ${excerpt(foreign.label)} (${foreign.id}); take it out there first`,
      );
    }
    const weight = Math.min(MOST_WEIGHT, member.weight ?? this.#options.weight);
    const [first, ...doubled] = there.sort((a, b) => a.id - b.id);
    // Two tries whose answers were lost, at two controllers: one node is enough.
    for (const node of doubled) await this.#unlessGone(this.#api.call('DELETE', `${place.nodes}/${node.id}`, { schema: z.unknown(), signal }));
    if (first === undefined) return { node: await this.#make(member, address, weight, place, signal), place };
    if (first.mode === 'accept' && first.weight === weight) return { node: first, place };
    const { body } = await this.#api.call('PUT', `${place.nodes}/${first.id}`, { schema: nodeReply, signal, json: { mode: 'accept', weight } });
    return { node: body, place };
  }

  async #make(member: MemberRequest, address: string, weight: number, place: Managed, signal: AbortSignal): Promise<NodeReply> {
    const label = nodeLabel(this.#ports.installId, member.instance, address, this.#ports.secrets);
    const subnet = this.#options.subnet_id === undefined ? {} : { subnet_id: this.#options.subnet_id };
    const json = { label, address, weight, mode: 'accept', ...subnet };
    return (await this.#api.call('POST', place.nodes, { schema: nodeReply, signal, json })).body;
  }

  async #waitUntilUp(made: NodeReply, { nodes }: Managed, signal: AbortSignal): Promise<void> {
    this.#joining.set(made.id, (this.#joining.get(made.id) ?? 0) + 1);
    let seen = made;
    let pauseMs = FIRST_POLL_MS;
    try {
      while (healthOf(seen) !== 'up') {
        await this.#ports.clock.sleep(pauseMs, signal);
        pauseMs = Math.min(LAST_POLL_MS, pauseMs * 1.5);
        seen = (await this.#api.call('GET', `${nodes}/${made.id}`, { schema: nodeReply, signal })).body;
        if (seen.mode !== 'accept') throw new DriverError('conflict', `${excerpt(seen.label)} was set to ${excerpt(seen.mode)} while it joined`);
      }
    } catch (e) {
      if (e instanceof DriverError && e.code === 'not-found')
        throw new DriverError('conflict', `${excerpt(made.label)} was taken out of the NodeBalancer while it joined`, { cause: e });
      if (!signal.aborted) throw e;
      throw new DriverError(
        'unreachable',
        `${excerpt(made.label)} (${excerpt(made.address)}) has not passed the check of the NodeBalancer; it says ${excerpt(seen.status ?? 'nothing')}`,
        { cause: e },
      );
    } finally {
      const left = (this.#joining.get(made.id) ?? 1) - 1;
      if (left > 0) this.#joining.set(made.id, left);
      else this.#joining.delete(made.id);
    }
  }

  /** Path of a node that is there and ours; null otherwise. */
  async #ours(ref: string, signal: AbortSignal): Promise<string | null> {
    const { nodes } = await this.#find(signal);
    if (!/^[1-9]\d{0,15}$/.test(ref)) return null;
    const path = `${nodes}/${ref}`;
    const found = await this.#unlessGone(this.#api.call('GET', path, { schema: nodeReply, signal }));
    return found !== null && this.#isOurs(found.body) ? path : null;
  }

  async #unlessGone<T>(call: Promise<T>): Promise<T | null> {
    try {
      return await call;
    } catch (e) {
      if (e instanceof DriverError && e.code === 'not-found') return null;
      throw e;
    }
  }

  #isOurs(node: NodeReply): boolean {
    return isOurNode(this.#ports.installId, node, this.#ports.secrets);
  }

  async #list(nodes: string, signal: AbortSignal) {
    try {
      return await this.#api.list(nodes, nodeReply, (node) => node.id, signal);
    } catch (e) {
      // The configuration was taken out, perhaps to be made anew.
      if (e instanceof DriverError && e.code === 'not-found') this.#place = null;
      throw e;
    }
  }

  /** NodeBalancer and configuration, as read at most a minute ago. */
  async #find(signal: AbortSignal): Promise<Managed> {
    if (this.#place !== null && this.#ports.clock.mono() - this.#place.readMono < CONFIG_MS) return this.#place;
    this.#place = await this.#look(signal);
    return this.#place;
  }

  async #look(signal: AbortSignal): Promise<Managed> {
    const readMono = this.#ports.clock.mono();
    const { nodebalancer, port, config_id: configId } = this.#options;
    const { id, region } = await this.#nodeBalancer(nodebalancer, signal);
    const { items } = await this.#api.list(`/nodebalancers/${id}/configs`, configReply, (config) => config.id, signal);
    const config = items.find((each) => (configId === undefined ? each.port === port && each.protocol !== 'udp' : each.id === configId));
    if (config === undefined) {
      const has = items.map((each) => `${each.port} (${each.id})`).join(', ');
      const wanted = configId === undefined ? `for port ${port}` : `with the id ${configId}`;
      throw new DriverError('bad-request', `NodeBalancer ${nodebalancer} has no configuration ${wanted}; it has ${has === '' ? 'none' : has.slice(0, 200)}`);
    }
    if (config.protocol === 'udp') throw new DriverError('bad-request', `configuration ${config.id} is for UDP, whose nodes cannot be drained`);
    return { nodes: `/nodebalancers/${id}/configs/${config.id}/nodes`, config, region, readMono };
  }

  async #nodeBalancer(wanted: number | string, signal: AbortSignal): Promise<z.output<typeof nodeBalancerReply>> {
    if (typeof wanted === 'number') {
      const found = await this.#unlessGone(this.#api.call('GET', `/nodebalancers/${wanted}`, { schema: nodeBalancerReply, signal }));
      if (found === null) throw new DriverError('bad-request', `there is no NodeBalancer ${wanted}, or the token may not see it`);
      return found.body;
    }
    const { items } = await this.#api.list('/nodebalancers', nodeBalancerReply, (each) => each.id, signal, { label: wanted });
    const [found, another] = items.filter((each) => each.label === wanted);
    if (found === undefined || another !== undefined) {
      throw new DriverError(
        'bad-request',
        `there ${another === undefined ? 'is no' : 'are several'} NodeBalancer ${wanted}${another === undefined ? '' : ': name it by its id'}`,
      );
    }
    return found;
  }
}

function isChecked(config: ConfigReply): boolean {
  return config.check !== 'none';
}

function noop(): void {}
