/** Around the emulated account, what the reference architecture has beside it: artefacts, ways to provision, people who look and download. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { LedgerView } from '../../src/emulators/api/ledger.ts';
import type { EmulatedLinode } from './emulated-linode.ts';

/** Object Storage, as far as it is needed: GET /current is the release that new nodes are to run. */
export async function startArtefacts(first: string): Promise<{ readonly url: string; current: string; close(): Promise<unknown> }> {
  const server = createServer((_request, response) => {
    response.end(artefacts.current);
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const artefacts = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    current: first,
    close: () => new Promise((done) => server.close(done).closeAllConnections()),
  };
  return artefacts;
}

export interface Answerer {
  readonly firstMs: number;
  readonly versions: Set<string>;
  count: number;
}

/**
 * Asks one page again and again, a request each `everyMs` on average, and keeps who answered, since when and with which release. The pauses vary:
 * in step with other traffic, round robin would always give it the same nodes.
 */
export class Witness {
  readonly seen = new Map<string, Answerer>();
  readonly failures: string[] = [];
  #over = false;
  readonly #run: Promise<void>;

  constructor(url: string, everyMs: number) {
    this.#run = this.#ask(url, everyMs);
  }

  async stop(): Promise<void> {
    this.#over = true;
    await this.#run;
  }

  async #ask(url: string, everyMs: number): Promise<void> {
    for (let n = 1; !this.#over; n++) {
      const atMs = Date.now();
      try {
        const reply = await fetch(url, { signal: AbortSignal.timeout(15_000) });
        await reply.arrayBuffer();
        if (reply.status !== 200) this.failures.push(`status ${reply.status}`);
        const who = reply.headers.get('x-instance') ?? '';
        const known = this.seen.get(who) ?? { firstMs: atMs, versions: new Set<string>(), count: 0 };
        known.versions.add(reply.headers.get('x-version') ?? 'none');
        known.count++;
        this.seen.set(who, known);
      } catch (e) {
        this.failures.push(String(e));
      }
      await new Promise((done) => setTimeout(done, Math.max(0, atMs + everyMs * (0.5 + ((n * 0.618) % 1)) - Date.now())));
    }
  }
}

export interface Download {
  readonly from: string;
  readonly startMs: number;
  readonly endMs: number;
  /** Null: every byte came. */
  readonly problem: string | null;
}

/** One download of `seconds` begins every `everyMs`, until it is stopped; then those under way are waited for. */
export class Downloads {
  readonly done: Download[] = [];
  readonly #timer: NodeJS.Timeout;
  readonly #underWay = new Set<Promise<void>>();

  constructor(url: string, seconds: number, everyMs: number) {
    const begin = (): void => {
      const one = this.#fetch(`${url}download?seconds=${seconds}&bytes=20000`).finally(() => this.#underWay.delete(one));
      this.#underWay.add(one);
    };
    begin();
    this.#timer = setInterval(begin, everyMs);
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await Promise.all(this.#underWay);
  }

  async #fetch(url: string): Promise<void> {
    const startMs = Date.now();
    let from = '';
    let problem: string | null = null;
    try {
      const reply = await fetch(url);
      from = reply.headers.get('x-instance') ?? '';
      const { byteLength } = await reply.arrayBuffer();
      if (reply.status !== 200 || byteLength !== 20_000) problem = `status ${reply.status}, ${byteLength} bytes`;
    } catch (e) {
      problem = String(e);
    }
    this.done.push({ from, startMs, endMs: Date.now(), problem });
  }
}

/** Fewest machines that carried the tag at any one time from `sinceMs` on. */
export function fewest(ledger: LedgerView, tag: string, sinceMs: number): number {
  const own = ledger.machines.filter((m) => m.tags.includes(tag));
  const moments = [sinceMs, ...own.flatMap((m) => (m.deleted_ms !== null && m.deleted_ms > sinceMs ? [m.deleted_ms] : []))];
  return Math.min(...moments.map((at) => own.filter((m) => m.created_ms <= at && (m.deleted_ms === null || m.deleted_ms > at)).length));
}

/** As the API has them at Linode: made once, named in templates by their id. */
export async function makeStackScript(world: EmulatedLinode, label: string, script: string): Promise<number> {
  return (await world.api<{ id: number }>('POST', '/linode/stackscripts', { label, script, images: ['linode/debian12'], is_public: false })).id;
}

/** The pipeline's golden image: a Linode is made, its disk becomes an image, and it goes again. */
export async function bakeImage(world: EmulatedLinode, stackscript: number, release: string, ready: (id: string) => Promise<unknown>): Promise<string> {
  const builder = await world.makeLinode('image-builder', ['builder'], { stackscript_id: stackscript, stackscript_data: { RELEASE: release } });
  const disks = await world.api<{ data: { id: number }[] }>('GET', `/linode/instances/${builder.id}/disks`);
  const image = await world.api<{ id: string }>('POST', '/images', { disk_id: disks.data[0]?.id, label: `web-${release}` });
  await ready(image.id);
  await world.api('DELETE', `/linode/instances/${builder.id}`);
  return image.id;
}
