/** NodeBalancers. Each config really listens, checks and balances. */

import { Timeline } from '../api/timeline.ts';
import { openFrontend } from '../balancing/frontend.ts';
import { DEFAULT_SETTINGS, frontendSpec, readSettings } from './balancer-config.ts';
import { backendOf, nodeView, readNode } from './balancer-nodes.ts';
import { readVpc } from './balancer-vpc.ts';
import { REGIONS } from './catalog.ts';
import type { EventEntity } from './events.ts';
import { Fields, readTags } from './fields.ts';
import type { Balancer, BalancerConfig, BalancerNode, ConfigSettings, NodeSettings, Surroundings } from './model.ts';
import { notFound, refuse } from './refused.ts';

interface PlannedConfig {
  readonly settings: ConfigSettings;
  readonly nodes: readonly NodeSettings[];
}

const LABEL = { min: 3, max: 32, pattern: /^[A-Za-z0-9_-]+$/, why: 'Must only use ASCII letters, numbers, underscores, and dashes' };
const MAX_NODES = 1000;

export class Balancers {
  readonly #account: Surroundings;
  readonly #balancers = new Map<number, Balancer>();
  readonly #nodeTimeline: Timeline<Record<string, unknown>>;

  constructor(account: Surroundings) {
    this.#account = account;
    this.#nodeTimeline = new Timeline(account.now);
  }

  all(): Balancer[] {
    return [...this.#balancers.values()];
  }

  find(id: number): Balancer | undefined {
    return this.#balancers.get(id);
  }

  get(id: number): Balancer {
    const balancer = this.#balancers.get(id);
    if (balancer === undefined) throw notFound();
    return balancer;
  }

  config(id: number, configId: number): BalancerConfig {
    const config = this.get(id).configs.get(configId);
    if (config === undefined) throw notFound();
    return config;
  }

  node(id: number, configId: number, nodeId: number): BalancerNode {
    const node = this.config(id, configId).nodes.get(nodeId);
    if (node === undefined) throw notFound();
    return node;
  }

  async create(body: unknown): Promise<Balancer> {
    const account = this.#account;
    const fields = new Fields(body);
    fields.require('region');
    const region = fields.text('region') ?? '';
    if (fields.has('region') && !REGIONS.some((each) => each.id === region)) fields.fail('region', 'region is not valid');
    const label = fields.text('label', LABEL);
    this.#unique(fields, label, null);
    const tags = readTags(fields) ?? [];
    const throttle = fields.whole('client_conn_throttle', 0, 20) ?? 0;
    const firewallId = fields.whole('firewall_id');
    if (firewallId !== undefined && !account.firewalls.has(firewallId)) fields.fail('firewall_id', 'firewall_id is not valid');
    const vpc = readVpc(fields, account, region);
    const planned = (fields.objects('configs', 50) ?? []).map((each): PlannedConfig => this.#readConfig(each, region, vpc));
    const ports = planned.map(({ settings }) => settings.port);
    if (new Set(ports).size < ports.length) fields.fail('configs', 'Ports must be unique among the configs of a NodeBalancer');
    fields.done();
    const nowMs = account.now();
    const id = account.ids.next('nodebalancer', 1_000_001);
    const balancer: Balancer = {
      id,
      label: label ?? `balancer${id}`,
      tags,
      region,
      throttle,
      ipv4: account.network.takePublicV4(),
      ipv6: account.network.takeV6(),
      vpc: vpc === null ? null : { configId: account.ids.next('nodebalancer_vpc', 3001), ...vpc, range: account.vpcs.takeRange(vpc.subnetId, vpc.range) },
      configs: new Map(),
      createdMs: nowMs,
      updatedMs: nowMs,
    };
    this.#balancers.set(id, balancer);
    try {
      for (const each of planned) await this.#open(balancer, each);
    } catch (e) {
      await this.#remove(balancer);
      throw e;
    }
    if (firewallId !== undefined) account.firewalls.attach(firewallId, 'nodebalancer', id, balancer.label);
    this.#note('nodebalancer_create', balancer);
    return balancer;
  }

  update(id: number, body: unknown): Balancer {
    const balancer = this.get(id);
    const fields = new Fields(body);
    const label = fields.text('label', LABEL);
    this.#unique(fields, label, id);
    const tags = readTags(fields);
    const throttle = fields.whole('client_conn_throttle', 0, 20);
    fields.done();
    Object.assign(balancer, { label: label ?? balancer.label, tags: tags ?? balancer.tags, throttle: throttle ?? balancer.throttle });
    this.#note('nodebalancer_update', balancer);
    return balancer;
  }

  async delete(id: number): Promise<void> {
    const balancer = this.get(id);
    await this.#remove(balancer);
    this.#note('nodebalancer_delete', balancer);
  }

  async createConfig(id: number, body: unknown): Promise<BalancerConfig> {
    const balancer = this.get(id);
    const fields = new Fields(body);
    const planned = this.#readConfig(fields, balancer.region, balancer.vpc);
    this.#portIsFree(fields, balancer, planned.settings.port, null);
    fields.done();
    const config = await this.#open(balancer, planned);
    this.#note('nodebalancer_config_create', balancer);
    return config;
  }

  async updateConfig(id: number, configId: number, body: unknown): Promise<BalancerConfig> {
    const balancer = this.get(id);
    const config = this.config(id, configId);
    const fields = new Fields(body);
    const settings = readSettings(fields, config.settings);
    this.#portIsFree(fields, balancer, settings.port, configId);
    fields.done();
    await this.#listen(settings.port, () => config.frontend.update(this.#spec(balancer, settings)));
    config.settings = settings;
    this.#note('nodebalancer_config_update', balancer);
    return config;
  }

  async deleteConfig(id: number, configId: number): Promise<void> {
    const balancer = this.get(id);
    const config = this.config(id, configId);
    balancer.configs.delete(configId);
    for (const node of config.nodes.values()) this.#forget(node);
    await config.frontend.close();
    this.#note('nodebalancer_config_delete', balancer);
  }

  /** Settings and all nodes at once; nodes are checked anew. */
  async rebuildConfig(id: number, configId: number, body: unknown): Promise<BalancerConfig> {
    const balancer = this.get(id);
    const config = this.config(id, configId);
    const fields = new Fields(body);
    fields.require('nodes');
    const settings = readSettings(fields, config.settings);
    this.#portIsFree(fields, balancer, settings.port, configId);
    const wanted = (fields.objects('nodes', MAX_NODES) ?? []).map((each) => {
      const keptId = each.whole('id');
      const before = keptId === undefined ? null : (config.nodes.get(keptId) ?? null);
      if (keptId !== undefined && before === null) each.fail('id', 'id is not valid');
      return { before, settings: readNode(each, before?.settings ?? null, { account: this.#account, balancer }) };
    });
    const addresses = wanted.map((each) => each.settings.address);
    if (new Set(addresses).size < addresses.length) fields.fail('nodes', 'Addresses must be unique within the config');
    fields.done();
    await this.#listen(settings.port, () => config.frontend.update(this.#spec(balancer, settings)));
    config.settings = settings;
    const old = [...config.nodes.values()];
    for (const node of old) config.frontend.remove(String(node.id));
    config.nodes.clear();
    for (const each of wanted) this.#put(balancer, config, each.settings, each.before?.id ?? null);
    for (const node of old) if (!config.nodes.has(node.id)) this.#forget(node);
    this.#note('nodebalancer_config_update', balancer);
    return config;
  }

  createNode(id: number, configId: number, body: unknown): BalancerNode {
    const balancer = this.get(id);
    const config = this.config(id, configId);
    const fields = new Fields(body);
    const settings = readNode(fields, null, { account: this.#account, balancer });
    this.#addressIsFree(fields, config, settings.address, null);
    if (config.nodes.size >= MAX_NODES) fields.fail('address', `A config has at most ${MAX_NODES} nodes`);
    fields.done();
    const node = this.#put(balancer, config, settings, null);
    this.#note('nodebalancer_node_create', balancer);
    return node;
  }

  updateNode(id: number, configId: number, nodeId: number, body: unknown): BalancerNode {
    const balancer = this.get(id);
    const config = this.config(id, configId);
    const node = this.node(id, configId, nodeId);
    const fields = new Fields(body);
    const settings = readNode(fields, node.settings, { account: this.#account, balancer });
    this.#addressIsFree(fields, config, settings.address, nodeId);
    fields.done();
    node.settings = settings;
    config.frontend.put(backendOf(node, this.#account.network));
    this.#nodeTimeline.set(nodeId, this.nodeView(balancer, config, node));
    this.#note('nodebalancer_node_update', balancer);
    return node;
  }

  deleteNode(id: number, configId: number, nodeId: number): void {
    const balancer = this.get(id);
    const config = this.config(id, configId);
    const node = this.node(id, configId, nodeId);
    config.nodes.delete(nodeId);
    config.frontend.remove(String(nodeId));
    this.#forget(node);
    this.#note('nodebalancer_node_delete', balancer);
  }

  /** NodeBalancers that have one of these addresses behind them. */
  using(addresses: readonly string[]): Balancer[] {
    const behind = (config: BalancerConfig) => [...config.nodes.values()].some((node) => addresses.includes(node.settings.address.replace(/:\d+$/, '')));
    return this.all().filter((balancer) => [...balancer.configs.values()].some(behind));
  }

  nodeViews(id: number, configId: number, staleMs: number): Record<string, unknown>[] {
    const balancer = this.get(id);
    const config = this.config(id, configId);
    if (staleMs > 0) return this.#nodeTimeline.asOf(staleMs).filter((view) => view['config_id'] === configId);
    return [...config.nodes.values()].map((node) => this.nodeView(balancer, config, node));
  }

  nodeView(balancer: Balancer, config: BalancerConfig, node: BalancerNode): Record<string, unknown> {
    return nodeView(node, { balancer, config, words: this.#account.options.statusWords });
  }

  async close(): Promise<void> {
    await Promise.all(this.all().flatMap((balancer) => [...balancer.configs.values()].map((config) => config.frontend.close())));
  }

  #readConfig(fields: Fields, region: string, vpc: { readonly vpcId: number; readonly subnetId: number } | null): PlannedConfig {
    const settings = readSettings(fields, DEFAULT_SETTINGS);
    const place = { account: this.#account, balancer: { region, vpc } };
    const nodes = (fields.objects('nodes', MAX_NODES) ?? []).map((each) => readNode(each, null, place));
    const addresses = nodes.map((node) => node.address);
    if (new Set(addresses).size < addresses.length) fields.fail('nodes', 'Addresses must be unique within the config');
    return { settings, nodes };
  }

  async #open(balancer: Balancer, { settings, nodes }: PlannedConfig): Promise<BalancerConfig> {
    const frontend = await this.#listen(settings.port, () => openFrontend(this.#spec(balancer, settings), { cookieName: 'NB_SRVID' }));
    const config: BalancerConfig = { id: this.#account.ids.next('nodebalancer_config', 1_500_001), settings, frontend, nodes: new Map() };
    balancer.configs.set(config.id, config);
    for (const node of nodes) this.#put(balancer, config, node, null);
    return config;
  }

  /** A port that this machine does not give is the caller's problem; the vendor's balancers have machines of their own. */
  async #listen<T>(port: number, open: () => Promise<T>): Promise<T> {
    try {
      return await open();
    } catch (e) {
      throw refuse(`the emulator cannot listen there: ${e instanceof Error ? e.message : 'failed'}`, `port ${port}`);
    }
  }

  #spec(balancer: Balancer, settings: ConfigSettings) {
    const { network, world } = this.#account;
    return frontendSpec(settings, network.listensAt(balancer.ipv4) ?? balancer.ipv4, world.timeFactor);
  }

  #put(balancer: Balancer, config: BalancerConfig, settings: NodeSettings, keptId: number | null): BalancerNode {
    const node: BalancerNode = { id: keptId ?? this.#account.ids.next('nodebalancer_node', 40_000_001), settings };
    config.nodes.set(node.id, node);
    config.frontend.put(backendOf(node, this.#account.network));
    if (keptId === null) this.#account.ledger.memberCreated(String(node.id), String(balancer.id), settings.address, settings.label);
    this.#nodeTimeline.set(node.id, this.nodeView(balancer, config, node));
    return node;
  }

  #forget(node: BalancerNode): void {
    this.#account.ledger.memberDeleted(String(node.id));
    this.#nodeTimeline.delete(node.id);
  }

  async #remove(balancer: Balancer): Promise<void> {
    this.#balancers.delete(balancer.id);
    for (const config of balancer.configs.values()) {
      for (const node of config.nodes.values()) this.#forget(node);
      await config.frontend.close();
    }
    this.#account.firewalls.detachAll('nodebalancer', balancer.id);
    this.#account.network.release(balancer.ipv4);
    this.#account.network.release(balancer.ipv6);
    if (balancer.vpc !== null) this.#account.vpcs.giveRange(balancer.vpc.subnetId, balancer.vpc.range);
  }

  #portIsFree(fields: Fields, balancer: Balancer, port: number, ownId: number | null): void {
    const taken = [...balancer.configs.values()].some((config) => config.settings.port === port && config.id !== ownId);
    if (taken) fields.fail('port', 'Port must be unique among the configs of the NodeBalancer');
  }

  #addressIsFree(fields: Fields, config: BalancerConfig, address: string, ownId: number | null): void {
    const taken = [...config.nodes.values()].some((node) => node.settings.address === address && node.id !== ownId);
    if (taken) fields.fail('address', 'Address must be unique within the config');
  }

  #unique(fields: Fields, label: string | undefined, ownId: number | null): void {
    const taken = label !== undefined && this.all().some((each) => each.label === label && each.id !== ownId);
    if (taken) fields.fail('label', 'Label must be unique among your NodeBalancers');
  }

  #note(action: string, balancer: Balancer): void {
    balancer.updatedMs = this.#account.now();
    this.#account.events.note(action, this.#entity(balancer));
  }

  #entity({ id, label }: Balancer): EventEntity {
    return { id, label, type: 'nodebalancer', url: `/v4/nodebalancers/${id}` };
  }
}
