/** Linodes, over the API v4 of Linode (Akamai). */
import { z } from 'zod';
import type { Json } from '../../../core/model/json.ts';
import { checkScope, LinodeApi } from '../../../kit/linode-api.ts';
import type { Cloud, CreateRequest, DiscoveryTarget, ListResult, Machine } from '../../../ports/cloud.ts';
import type { DriverPorts } from '../../../ports/driver.ts';
import { DriverError } from '../../../ports/errors.ts';
import type { Need, Place } from '../../../ports/preflight.ts';
import { Addresses } from './addresses.ts';
import { createBody } from './create-body.ts';
import { discoveryTargets } from './discovery.ts';
import { labelOf } from './label.ts';
import { addressKind, type LinodeOptions, type LinodeTemplate, template as templateSchema } from './options.ts';
import { addressKindOf, installTag, ownerOf } from './owner-tags.ts';
import { Prices } from './prices.ts';
import { type Ipv6RangeReply, ipReply, ipv6RangeReply, type LinodeReply, linodeReply } from './replies.ts';
import { toMachine } from './translate.ts';

/** Machines whose address has to be asked one by one, at the same time. */
const ASKED_AT_ONCE = 10;

export class LinodeCloud implements Cloud {
  readonly #options: LinodeOptions;
  readonly #ports: DriverPorts;
  readonly #api: LinodeApi;
  readonly #prices: Prices;
  readonly #addresses: Addresses;

  constructor(options: LinodeOptions, ports: DriverPorts) {
    this.#options = options;
    this.#ports = ports;
    this.#api = new LinodeApi(options, ports, { listsPerMinute: options.lists_per_minute, createsPer15s: options.creates_per_15s });
    this.#prices = new Prices(this.#api, ports.clock, ports.log);
    this.#addresses = new Addresses(this.#api);
  }

  async list(signal: AbortSignal): Promise<ListResult<Machine>> {
    const asOfMs = this.#ports.clock.wall();
    const filter = { tags: installTag(this.#ports.installId) };
    const [found] = await Promise.all([this.#list(filter, signal), this.#prices.ready(signal)]);
    const items: Machine[] = [];
    for (let i = 0; i < found.items.length; i += ASKED_AT_ONCE) {
      items.push(...(await Promise.all(found.items.slice(i, i + ASKED_AT_ONCE).map((reply) => this.#toMachine(reply, asOfMs, signal)))));
    }
    // The first part of a long install id may be another's, too.
    const ours = items.filter((m) => m.owner === null || m.owner.install === this.#ports.installId);
    return { items: ours, complete: found.complete, asOfMs };
  }

  async get(id: string, signal: AbortSignal): Promise<Machine | null> {
    const nowMs = this.#ports.clock.wall();
    const path = pathOf(id);
    try {
      const [{ body }] = await Promise.all([this.#api.call('GET', path, { schema: linodeReply, signal }), this.#prices.ready(signal)]);
      return await this.#toMachine(body, nowMs, signal);
    } catch (e) {
      if (e instanceof DriverError && e.code === 'not-found') return null;
      throw e;
    }
  }

  async create(request: CreateRequest): Promise<Machine> {
    const { owner, signal } = request;
    const template = parseTemplate(request.template);
    const label = labelOf(request.name, owner.group, owner.token, this.#ports.secrets);
    const { body, redact } = await createBody(template, label, owner, this.#ports);
    let made: LinodeReply;
    try {
      made = (await this.#api.call('POST', '/linode/instances', { schema: linodeReply, signal, json: body, redact, kind: 'create' })).body;
    } catch (e) {
      if (!(e instanceof DriverError && e.code === 'conflict')) throw e;
      return await this.#madeBefore(label, request, e);
    }
    if (ownerOf(made.tags)?.token !== owner.token) await this.#undo(made, signal);
    return await this.#fresh(made, signal);
  }

  async delete(id: string, signal: AbortSignal): Promise<void> {
    try {
      await this.#api.call('DELETE', pathOf(id), { schema: z.unknown(), signal });
    } catch (e) {
      if (!(e instanceof DriverError && e.code === 'not-found')) throw e;
    }
  }

  async preflight(need: Need, signal: AbortSignal): Promise<void> {
    const look = { schema: z.unknown(), signal, kind: 'list' } as const;
    await checkScope(this.#api, 'linodes', need, () => this.#api.call('GET', '/linode/instances?page=1&page_size=25', look));
  }

  place(template: Json): Place | null {
    const parsed = templateSchema.safeParse(template);
    if (!parsed.success) return null;
    return { realm: 'linode', region: parsed.data.region, network: networkOf(parsed.data) };
  }

  async targets(signal: AbortSignal): Promise<readonly DiscoveryTarget[]> {
    try {
      const [linodes, ips, ranges] = await Promise.all([
        this.#list({}, signal),
        this.#api.list('/networking/ips', ipReply, (ip) => ip.address, signal),
        this.#ranges(signal),
      ]);
      return discoveryTargets(linodes.items, ips.items, ranges, this.#options.discovery_port);
    } catch (e) {
      if (!(e instanceof DriverError && e.code === 'unauthorized')) throw e;
      throw new DriverError('unauthorized', `${e.message}; service discovery needs linodes:read_only and ips:read_only`, { cause: e });
    }
  }

  /** Routed IPv6 ranges; few accounts have any. */
  async #ranges(signal: AbortSignal): Promise<readonly Ipv6RangeReply[]> {
    try {
      return (await this.#api.list('/networking/ipv6/ranges', ipv6RangeReply, (range) => `${range.range}/${range.prefix}`, signal)).items;
    } catch (e) {
      if (e instanceof DriverError && e.code === 'not-found') return [];
      throw e;
    }
  }

  #list(filter: object, signal: AbortSignal) {
    return this.#api.listById('/linode/instances', linodeReply, { filter, pageSize: this.#options.page_size, signal });
  }

  /** The label is taken: by our first try, whose answer was lost, or by somebody else. */
  async #madeBefore(label: string, { owner, signal }: CreateRequest, refusal: DriverError): Promise<Machine> {
    const { items } = await this.#list({ label }, signal);
    const found = items.find((each) => each.label === label);
    // Taken, and not shown: the list may be behind. The next try will tell.
    if (found === undefined) throw new DriverError('unknown', `${refusal.message}; and no Linode of that label is listed yet`, { cause: refusal });
    const theirs = ownerOf(found.tags);
    if (theirs?.install !== owner.install || theirs.token !== owner.token) {
      throw new DriverError('conflict', `the label ${label} is that of Linode ${found.id}, which does not carry our tags; it is left alone`, {
        cause: refusal,
      });
    }
    return await this.#fresh(found, signal);
  }

  /** A machine without its tags would never be found again, and billed for ever. */
  async #undo(made: LinodeReply, signal: AbortSignal): Promise<never> {
    const why = 'Linode made the machine without our tags: the user of this token may not add tags, only an unrestricted one may';
    try {
      await this.delete(String(made.id), signal);
    } catch (e) {
      throw new DriverError('unknown', `${why}. Deleting it again failed: delete Linode ${made.id} by hand`, { cause: e });
    }
    throw new DriverError('unauthorized', `${why}. It was deleted again`);
  }

  /** What was just made has an address, even if it cannot be read now: the next list will tell it. */
  async #fresh(reply: LinodeReply, signal: AbortSignal): Promise<Machine> {
    const nowMs = this.#ports.clock.wall();
    await this.#prices.ready(signal);
    try {
      return await this.#toMachine(reply, nowMs, signal);
    } catch {
      return this.#withAddress(reply, null, nowMs);
    }
  }

  /** Throws when the address cannot be read: a machine that has one must never be told to have none. */
  async #toMachine(reply: LinodeReply, nowMs: number, signal: AbortSignal): Promise<Machine> {
    return this.#withAddress(reply, await this.#addresses.of(reply, addressKindOf(reply.tags), signal), nowMs);
  }

  #withAddress(reply: LinodeReply, address: string | null, nowMs: number): Machine {
    return toMachine(reply, { owner: ownerOf(reply.tags), address, pricePerHour: this.#prices.of(reply.type, reply.region), nowMs });
  }
}

function networkOf(template: LinodeTemplate): string {
  const kind = addressKind(template);
  if (kind === 'private') return 'private addresses';
  if (kind === 'vpc') return `VPC subnet ${template.vpc?.subnet_id}`;
  return kind === 'ipv6' ? 'IPv6 addresses' : 'public addresses';
}

function parseTemplate(template: Json): LinodeTemplate {
  const parsed = templateSchema.safeParse(template);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw new DriverError('bad-request', `template${issue?.path.map((p) => `.${String(p)}`).join('')}: ${issue?.message}`);
}

/** An id that no Linode can have is a mistake, and no proof that a machine does not exist. */
function pathOf(id: string): string {
  if (!/^[1-9]\d{0,15}$/.test(id)) throw new DriverError('bad-request', `${id.slice(0, 50)} is not the id of a Linode`);
  return `/linode/instances/${id}`;
}
