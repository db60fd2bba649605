/** The few commands the driver needs, each with its replies judged. A method returns only when HAProxy accepted the command. */
import { type HaproxyRuntime, replyError } from '../../../kit/haproxy-runtime.ts';
import { DriverError } from '../../../ports/errors.ts';
import { hostPort } from './layout.ts';
import { parseServers, type Server } from './servers.ts';

export class HaproxyClient {
  readonly #runtime: HaproxyRuntime;
  readonly #backend: string;
  /** 2.4 wants `experimental-mode on` in the same connection before a server is added or deleted. */
  #experimental = false;

  constructor(runtime: HaproxyRuntime, backend: string) {
    this.#runtime = runtime;
    this.#backend = backend;
  }

  /** All servers of the backend, ours and others. */
  async servers(signal: AbortSignal): Promise<Server[]> {
    const [state = '', stat = ''] = await this.#runtime.read([`show servers state ${this.#backend}`, `show stat ${this.#backend} 4 -1`], signal);
    return parseServers(this.#backend, state, stat);
  }

  /** The text of a state file: the servers of all backends. */
  async stateDump(signal: AbortSignal): Promise<string> {
    const [state = ''] = await this.#runtime.read(['show servers state'], signal);
    if (!/^1\n# /.test(state)) throw replyError(state, 'show servers state');
    return `${state}\n`;
  }

  async setState(name: string, state: 'ready' | 'drain' | 'maint', signal: AbortSignal): Promise<void> {
    await this.#silent(`set server ${this.#of(name)} state ${state}`, signal);
  }

  /** Drain with health down, in one line: it gets no traffic, and is up again only after `rise` checks from now on. */
  async setUnproven(name: string, signal: AbortSignal): Promise<void> {
    await this.#silent(`set server ${this.#of(name)} state drain; set server ${this.#of(name)} health down`, signal);
  }

  async setAddress(name: string, address: string, port: number, signal: AbortSignal): Promise<void> {
    const command = `set server ${this.#of(name)} addr ${address} port ${port}`;
    const reply = await this.#runtime.change(command, signal);
    // Success is told in words, which differ from version to version.
    if (reply !== '' && !/changed from|no need to change|nothing changed/i.test(reply)) throw replyError(reply, command);
  }

  async setWeight(name: string, weight: number, signal: AbortSignal): Promise<void> {
    await this.#silent(`set server ${this.#of(name)} weight ${weight}`, signal);
  }

  async enableCheck(name: string, signal: AbortSignal): Promise<void> {
    await this.#silent(`enable health ${this.#of(name)}`, signal);
  }

  /** Cuts every open session of the server. */
  async cutSessions(name: string, signal: AbortSignal): Promise<void> {
    await this.#silent(`shutdown sessions server ${this.#of(name)}`, signal);
  }

  /** Adds a server: in maintenance, and unchecked until told otherwise. */
  async addServer(name: string, address: string, port: number, words: string, signal: AbortSignal): Promise<void> {
    const command = `add server ${this.#of(name)} ${hostPort(address, port)} ${words}`.trim();
    const reply = await this.#maybeExperimental(command, signal);
    if (!/^New server registered\./m.test(reply)) throw replyError(reply, command);
  }

  /** False: it still has connections. A server that is not there is deleted. */
  async deleteServer(name: string, signal: AbortSignal): Promise<boolean> {
    const command = `del server ${this.#of(name)}`;
    const reply = await this.#maybeExperimental(command, signal);
    if (/^(Server deleted|No such server)\./m.test(reply)) return true;
    if (/^Server still has connections/m.test(reply)) return false;
    throw replyError(reply, command);
  }

  async #maybeExperimental(command: string, signal: AbortSignal): Promise<string> {
    const line = () => (this.#experimental ? `experimental-mode on; ${command}` : command);
    const reply = await this.#runtime.change(line(), signal);
    if (this.#experimental || !/restricted to experimental mode/.test(reply)) return reply;
    this.#experimental = true;
    return this.#runtime.change(line(), signal);
  }

  async #silent(command: string, signal: AbortSignal): Promise<void> {
    const reply = await this.#runtime.change(command, signal);
    if (reply !== '') throw replyError(reply, command);
  }

  #of(name: string): string {
    return `${this.#backend}/${name}`;
  }
}

export function isNotFound(error: unknown): boolean {
  return error instanceof DriverError && error.code === 'not-found';
}
