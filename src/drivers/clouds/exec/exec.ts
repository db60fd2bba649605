/** Any cloud that the operator's own commands can speak to. */
import type { JsonObject } from '../../../core/model/json.ts';
import { orAborted } from '../../../kit/command.ts';
import type { Cloud, CreateRequest, ListResult, Machine } from '../../../ports/cloud.ts';
import type { DriverPorts } from '../../../ports/driver.ts';
import { DriverError } from '../../../ports/errors.ts';
import { CommandClient, readAnswer } from './client.ts';
import { type ExecOptions, execTemplate } from './options.ts';
import { listReply, type MachineReply, machineReply } from './replies.ts';
import { checkCreated, ownerOf, toMachine } from './translate.ts';

export class ExecCloud implements Cloud {
  readonly #options: ExecOptions;
  readonly #ports: DriverPorts;
  readonly #client: CommandClient;
  /** Creates under way, by token: two with one token become one command. */
  readonly #creating = new Map<string, Promise<Machine>>();

  constructor(options: ExecOptions, ports: DriverPorts) {
    this.#options = options;
    this.#ports = ports;
    this.#client = new CommandClient(options, ports);
  }

  async list(signal: AbortSignal): Promise<ListResult<Machine>> {
    const asOfMs = this.#ports.clock.wall();
    const answer = readAnswer('list', await this.#client.run({ name: 'list', env: {}, input: {}, signal }), listReply);
    const ids = new Set(answer.machines.map((m) => m.id));
    if (ids.size < answer.machines.length) throw new DriverError('bad-reply', 'the list command printed two machines with one id');
    const items = answer.machines.map((m) => this.#translate(m)).filter((m) => m !== null);
    return { items, complete: answer.complete, asOfMs };
  }

  async get(id: string, signal: AbortSignal): Promise<Machine | null> {
    if (this.#options.get !== undefined) return await this.#getByCommand(id, signal);
    const list = await this.list(signal);
    const found = list.items.find((m) => m.id === id);
    if (found !== undefined) return found;
    if (!list.complete) throw new DriverError('unknown', 'the list is not complete, so it cannot tell that a machine does not exist', { definite: true });
    return null;
  }

  async create(request: CreateRequest): Promise<Machine> {
    const { token } = request.owner;
    const running = this.#creating.get(token);
    if (running !== undefined) return await orAborted(running, request.signal, 'the create command');
    const work = this.#create(request).finally(() => this.#creating.delete(token));
    this.#creating.set(token, work);
    return await work;
  }

  async delete(id: string, signal: AbortSignal): Promise<void> {
    try {
      await this.#client.run({ name: 'delete', env: { DROVER_MACHINE_ID: id }, input: { id }, signal });
    } catch (e) {
      if (!(e instanceof DriverError && e.code === 'not-found')) throw e;
    }
  }

  async #create(request: CreateRequest): Promise<Machine> {
    const template = execTemplate.safeParse(request.template);
    if (!template.success) {
      const issue = template.error.issues[0];
      throw new DriverError('bad-request', `template${issue?.path.map((p) => `.${String(p)}`).join('')}: ${issue?.message}`);
    }
    const { owner } = request;
    const text = await this.#client.run({
      name: 'create',
      env: {
        DROVER_TOKEN: owner.token,
        DROVER_GROUP: owner.group,
        DROVER_INSTANCE: owner.instance,
        DROVER_INSTALL: owner.install,
        DROVER_TEMPLATE_ID: owner.templateId,
        DROVER_NAME: request.name,
        DROVER_ZONE: request.zone ?? '',
        DROVER_TEMPLATE: JSON.stringify(template.data),
      },
      input: {
        install: owner.install,
        token: owner.token,
        group: owner.group,
        instance: owner.instance,
        template_id: owner.templateId,
        name: request.name,
        zone: request.zone,
        template: template.data as JsonObject,
      },
      signal: request.signal,
    });
    const reply = readAnswer('create', text, machineReply);
    checkCreated(reply, owner);
    return toMachine(reply, owner);
  }

  async #getByCommand(id: string, signal: AbortSignal): Promise<Machine | null> {
    let text: string;
    try {
      text = await this.#client.run({ name: 'get', env: { DROVER_MACHINE_ID: id }, input: { id }, signal });
    } catch (e) {
      if (e instanceof DriverError && e.code === 'not-found') return null;
      throw e;
    }
    const reply = readAnswer('get', text, machineReply);
    if (reply.id !== id) throw new DriverError('bad-reply', 'the get command printed another machine than the one asked for');
    return this.#translate(reply);
  }

  /** Null: it belongs to another installation. */
  #translate(reply: MachineReply): Machine | null {
    const owner = ownerOf(reply);
    const install = owner?.install ?? reply.install;
    if (install && install !== this.#ports.installId) return null;
    return toMachine(reply, owner);
  }
}
