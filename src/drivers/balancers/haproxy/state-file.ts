/** HAProxy reads this file when it starts; it never writes it. */
import type { DriverPorts } from '../../../ports/driver.ts';
import type { HaproxyClient } from './client.ts';

const LIMIT_MS = 10_000;

export class StateFile {
  readonly #ports: DriverPorts;
  readonly #client: HaproxyClient;
  readonly #path: string;
  #last: Promise<void> = Promise.resolve();

  constructor(ports: DriverPorts, client: HaproxyClient, path: string) {
    this.#ports = ports;
    this.#client = client;
    this.#path = path;
  }

  /** Saves the state as it is when its turn comes: the file of two quick changes holds both. The change itself has succeeded
   *  by now, so a failure here is told and not thrown: at worst HAProxy begins with older members, which are repaired. */
  save(backend: string, joining: ReadonlySet<string>): Promise<void> {
    this.#last = this.#last.then(async () => {
      const limit = new AbortController();
      const cancel = this.#ports.clock.after(LIMIT_MS, () => limit.abort());
      try {
        const dump = await this.#client.stateDump(limit.signal);
        await this.#ports.files.writeAtomic(this.#path, distrust(dump, backend, joining), 0o644);
      } catch (e) {
        this.#ports.log.error(
          { path: this.#path, error: String(e) },
          'the state of HAProxy could not be saved; a restarted HAProxy would begin with older members',
        );
      } finally {
        cancel();
      }
    });
    return this.#last;
  }
}

/** Servers that have not passed a check yet are saved as in maintenance: from a state file HAProxy takes a draining server
 *  for up, with the check result of the slot's previous member. Pure. */
export function distrust(dump: string, backend: string, joining: ReadonlySet<string>): string {
  const lines = dump.split('\n');
  const names = (lines[1] ?? '').replace(/^# /, '').split(' ');
  const at = (name: string) => names.indexOf(name);
  return lines
    .map((line, i) => {
      const fields = line.split(' ');
      if (i < 2 || fields[at('be_name')] !== backend || !joining.has(fields[at('srv_name')] ?? '')) return line;
      fields[at('srv_op_state')] = '0';
      fields[at('srv_admin_state')] = String((Number(fields[at('srv_admin_state')]) & ~0x18) | 0x01);
      return fields.join(' ');
    })
    .join('\n');
}
