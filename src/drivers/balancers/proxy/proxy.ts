import { durationMs } from '../../../kit/duration-text.ts';
import { httpJson } from '../../../kit/http-json.ts';
import { joinUrl } from '../../../kit/url-option.ts';
import type { Balancer, Member, MemberRequest } from '../../../ports/balancer.ts';
import type { ListResult } from '../../../ports/cloud.ts';
import type { DriverPorts } from '../../../ports/driver.ts';
import { DriverError } from '../../../ports/errors.ts';
import type { ProxyOptions } from './options.ts';
import { type MemberReply, memberReply, membersReply } from './replies.ts';

const POLL_MS = 100;

export class ProxyBalancer implements Balancer {
  readonly #options: ProxyOptions;
  readonly #ports: DriverPorts;

  constructor(options: ProxyOptions, ports: DriverPorts) {
    this.#options = options;
    this.#ports = ports;
  }

  async members(signal: AbortSignal): Promise<ListResult<Member>> {
    const asOfMs = this.#ports.clock.wall();
    const items = (await this.#list(signal)).map(({ ref, address, port, state, health, sessions }) => ({ ref, address, port, state, health, sessions }));
    return { items, complete: true, asOfMs };
  }

  async attach(member: MemberRequest, signal: AbortSignal): Promise<string> {
    const present = (await this.#list(signal)).find((m) => m.address === member.address && m.port === member.port);
    const ref = present?.ref ?? member.instance;
    const json = {
      owner: this.#ports.installId,
      address: member.address,
      port: member.port,
      weight: member.weight ?? 1,
      check: this.#options.check_path ?? null,
    };
    await httpJson(this.#ports, { ...this.#call('PUT', `/members/${encodeURIComponent(ref)}`, signal), schema: memberReply, json });
    await this.#waitUntilReady(ref, signal);
    return ref;
  }

  async drain(ref: string, signal: AbortSignal): Promise<void> {
    await this.#tell('POST', `/members/${encodeURIComponent(ref)}/drain`, signal);
  }

  async detach(ref: string, signal: AbortSignal): Promise<void> {
    await this.#tell('DELETE', `/members/${encodeURIComponent(ref)}`, signal);
  }

  /** The members of this installation; the proxy may serve others too. */
  async #list(signal: AbortSignal): Promise<MemberReply[]> {
    const reply = await httpJson(this.#ports, { ...this.#call('GET', '/members', signal), schema: membersReply });
    return reply.body.members.filter((m) => m.owner === this.#ports.installId);
  }

  async #waitUntilReady(ref: string, signal: AbortSignal): Promise<void> {
    let seen: MemberReply | undefined;
    try {
      for (;;) {
        seen = (await this.#list(signal)).find((m) => m.ref === ref);
        if (!seen) throw new DriverError('conflict', `${ref} is gone from the proxy: it was restarted, or somebody removed it`);
        if (seen.state === 'draining') throw new DriverError('conflict', `${ref} was drained while it joined`);
        if (seen.state === 'ready' && seen.health === 'up') return;
        await this.#ports.clock.sleep(POLL_MS, signal);
      }
    } catch (e) {
      if (!signal.aborted) throw e;
      throw new DriverError('unreachable', `${ref} has not passed the proxy's check (last: ${seen?.last_check ?? 'none yet'})`, { cause: e });
    }
  }

  async #tell(method: 'POST' | 'DELETE', path: string, signal: AbortSignal): Promise<void> {
    try {
      const owner = encodeURIComponent(this.#ports.installId);
      await httpJson(this.#ports, { ...this.#call(method, `${path}?owner=${owner}`, signal), schema: memberReply });
    } catch (e) {
      // Not there, or not ours: as good as done.
      if (!(e instanceof DriverError && e.code === 'not-found')) throw e;
    }
  }

  #call<M extends 'GET' | 'PUT' | 'POST' | 'DELETE'>(method: M, path: string, signal: AbortSignal) {
    return { method, url: joinUrl(this.#options.admin, path), timeoutMs: durationMs(this.#options.timeout), who: 'the proxy', signal };
  }
}
