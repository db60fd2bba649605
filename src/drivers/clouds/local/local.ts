/** Machines as detached processes of this host. */
import { orAborted, resolveValues, throwIfAborted } from '../../../kit/command.ts';
import { durationMs } from '../../../kit/duration-text.ts';
import { fill, fillArgv } from '../../../kit/fill.ts';
import type { Cloud, CreateRequest, ListResult, Machine } from '../../../ports/cloud.ts';
import type { DriverPorts } from '../../../ports/driver.ts';
import { DriverError } from '../../../ports/errors.ts';
import { Endpoints, type Pool, poolOf } from './endpoints.ts';
import { type LocalOptions, type LocalTemplate, localTemplate } from './options.ts';
import { stopMachine } from './stop.ts';
import { type Endpoint, endpointOf, KEPT, keptBy, type LocalMachine, MARK, machinesElsewhere, machinesOf, sameEndpoint, tagsOf, toMachine } from './tags.ts';

/**
 * Starts the command and waits for it. Programs like nginx or redis overwrite their environment with a title;
 * this shell never does, so a living machine always shows its tags. It outlives SIGTERM (which the group gets) until the command has ended.
 * The command comes as literal arguments.
 */
const KEEPER = `trap : TERM INT HUP; ${KEPT}=$$; export ${KEPT}; "$@"; exit $?`;
const PROGRAM_CHECK_MS = 5000;
/** Ports tried for one machine when others take them at the same moment. */
const MOST_TRIES = 5;
/** After such a meeting the ports to pass over are drawn by lot, up to so many: those who met would meet again at the next one. */
const MOST_SKIPPED = 16;
/** Start times are read in steps of 10 ms. */
const START_ERROR_MS = 20;

export class LocalCloud implements Cloud {
  readonly #options: LocalOptions;
  readonly #ports: DriverPorts;
  readonly #endpoints: Endpoints;
  readonly #creating = new Map<string, Promise<Machine>>();
  readonly #deleting = new Map<string, Promise<void>>();
  #looks = 0;
  #running: Promise<Look> | null = null;
  #nextLook: Promise<Look> | null = null;

  constructor(options: LocalOptions, ports: DriverPorts) {
    this.#options = options;
    this.#ports = ports;
    this.#endpoints = new Endpoints(ports.sockets, options.max);
  }

  async list(signal: AbortSignal): Promise<ListResult<Machine>> {
    throwIfAborted(signal, 'listing processes');
    const asOfMs = this.#ports.clock.wall();
    const machines = await orAborted(this.#machines(), signal, 'listing processes');
    return { items: [...machines.values()].map((m) => toMachine(m, this.#deleting.has(m.token))), complete: true, asOfMs };
  }

  async get(id: string, signal: AbortSignal): Promise<Machine | null> {
    throwIfAborted(signal, 'looking for a process');
    const machine = (await orAborted(this.#machines(), signal, 'looking for a process')).get(id);
    return machine === undefined ? null : toMachine(machine, this.#deleting.has(id));
  }

  async create(request: CreateRequest): Promise<Machine> {
    throwIfAborted(request.signal, 'starting a process');
    const { token } = request.owner;
    let work = this.#creating.get(token);
    if (work === undefined) {
      work = this.#create(request).finally(() => this.#creating.delete(token));
      this.#creating.set(token, work);
    }
    return await orAborted(work, request.signal, 'starting a process');
  }

  /** Goes on to its end (bounded by stop_timeout) even when the caller gives up waiting. */
  async delete(id: string, signal: AbortSignal): Promise<void> {
    throwIfAborted(signal, 'ending a process');
    let work = this.#deleting.get(id);
    if (work === undefined) {
      const processes = async () => (await this.#machines()).get(id)?.processes ?? [];
      work = stopMachine({ processes, stopTimeoutMs: durationMs(this.#options.stop_timeout) }, this.#ports).finally(() => this.#deleting.delete(id));
      this.#deleting.set(id, work);
    }
    await orAborted(work, signal, 'ending a process');
  }

  async #create(request: CreateRequest): Promise<Machine> {
    const parsed = localTemplate.safeParse(request.template);
    if (!parsed.success) {
      const issue = parsed.error.issues[0];
      throw new DriverError('bad-request', `template.${issue?.path.join('.')}: ${issue?.message}`);
    }
    const pool = poolOf(this.#options, parsed.data.port);
    for (let tries = 1, skip = 0; ; tries++, skip = this.#ports.random.u32() % MOST_SKIPPED) {
      try {
        return await this.#place(request, parsed.data, pool, skip);
      } catch (e) {
        // Someone else was first at the port: another one is as good.
        if (!(e instanceof DriverError && e.code === 'conflict') || tries === MOST_TRIES) throw e;
      }
    }
  }

  async #place(request: CreateRequest, template: LocalTemplate, pool: Pool, skip: number): Promise<Machine> {
    const { machines, elsewhere, look } = await this.#look();
    const first = machines.get(request.owner.token);
    if (first !== undefined) return toMachine(first, this.#deleting.has(first.token));
    const placesOf = (list: readonly LocalMachine[]): Endpoint[] => list.map(endpointOf).filter((e) => e !== null);
    const seen = { tokens: new Set(machines.keys()), endpoints: placesOf([...machines.values()]), elsewhere: placesOf(elsewhere), look };
    const endpoint = await this.#endpoints.reserve(pool, request.owner.token, seen, skip);
    try {
      const keeper = await this.#start(request, template, endpoint);
      const machine = await this.#settle(request, keeper, endpoint);
      this.#endpoints.made(endpoint, this.#looks);
      return machine;
    } catch (e) {
      this.#endpoints.release(endpoint);
      throw e;
    }
  }

  async #start(request: CreateRequest, template: LocalTemplate, at: Endpoint): Promise<Keeper> {
    const { files, processes, baseDir } = this.#ports;
    const fields = { port: String(at.port), address: at.address, instance: request.owner.instance, group: request.owner.group };
    const argv = fillArgv(template.command, fields);
    const cwd = files.resolve(baseDir, template.cwd ?? '.');
    const { values } = await resolveValues(template.env, this.#ports.secrets);
    const env: Record<string, string> = {};
    for (const [name, value] of Object.entries(values)) env[name] = typeof template.env[name] === 'string' ? fill(value, fields) : value;
    await this.#checkProgram(argv[0] ?? '', cwd, env, request.signal);
    throwIfAborted(request.signal, 'starting a process');
    const beforeMs = this.#ports.clock.mono();
    const keeper = await processes.spawnDetached({
      argv: ['/bin/sh', '-c', KEEPER, 'drover-machine', ...argv],
      env: { ...env, ...tagsOf(request.owner, request.name, at) },
      cwd,
      ...(this.#options.log_dir === undefined ? {} : { logFile: files.resolve(baseDir, this.#options.log_dir, `${fileName(request.owner.instance)}.log`) }),
    });
    return { ...keeper, shownAfterMs: this.#ports.clock.mono() - beforeMs };
  }

  /** The keeper starts whatever the program is; without this a mistyped name would only show as machines that vanish. */
  async #checkProgram(program: string, cwd: string, env: Record<string, string>, signal: AbortSignal): Promise<void> {
    const argv = ['/bin/sh', '-c', 'command -v -- "$1" >/dev/null', 'drover-check', program];
    const found = await this.#ports.processes.run({ argv, cwd, env, timeoutMs: PROGRAM_CHECK_MS, maxBytes: 4096, signal });
    if (found.exitCode !== 0) throw new DriverError('bad-request', `template.command: cannot find the program ${program}, or it is not executable`);
  }

  /** Looks at the process table once more: another controller (or this one before a reload) may have made the same machine, or taken the same port, at the same moment. */
  async #settle(request: CreateRequest, keeper: Keeper, at: Endpoint): Promise<Machine> {
    const { machines, elsewhere } = await this.#look();
    const machine = machines.get(request.owner.token);
    const winner = machine?.keepers[0];
    if (machine === undefined || winner === undefined) {
      const where = this.#options.log_dir === undefined ? 'set log_dir to see what it says' : `see its file in ${this.#options.log_dir}`;
      throw new DriverError('unknown', `the command ended as soon as it was started; ${where}`, { definite: machine === undefined });
    }
    if (winner.pid !== keeper.pid || winner.startTicks !== keeper.startTicks) {
      await this.#discard(request.owner.token, keeper);
      const mine = new Set(keptBy(machine, keeper));
      return toMachine({ ...machine, processes: machine.processes.filter((p) => !mine.has(p)) }, false);
    }
    // Age alone decides nothing: a process shows its tags only some time after its start, and a younger one may have looked before that and seen
    // nobody. Only one that started when we were in sight already is certain to have seen us, and to give way. Of two that started together both do.
    const inSightMs = winner.startedAtMs + keeper.shownAfterMs + START_ERROR_MS;
    for (const other of [...machines.values(), ...elsewhere]) {
      const first = other.keepers[0];
      if (other === machine || first === undefined || first.startedAtMs > inSightMs || !sameEndpoint(endpointOf(other), at)) continue;
      await this.#discard(request.owner.token, keeper);
      throw new DriverError('conflict', `another machine got ${at.address}:${at.port} at the same moment`, { definite: true });
    }
    return toMachine(machine, false);
  }

  /** Ends what this create started. Until the process table shows the end, the next try would take the dying machine for one that lives, and report it made. */
  async #discard(token: string, keeper: Keeper): Promise<void> {
    const processes = async () => keptBy((await this.#machines()).get(token), keeper);
    await stopMachine({ processes, stopTimeoutMs: 0 }, this.#ports);
  }

  async #machines(): Promise<Map<string, LocalMachine>> {
    return (await this.#look()).machines;
  }

  /** Callers share a look at the process table, but only one that began after they asked. */
  #look(): Promise<Look> {
    if (this.#nextLook !== null) return this.#nextLook;
    const begin = () => {
      this.#nextLook = null;
      const look = ++this.#looks;
      const running: Promise<Look> = this.#ports.processes
        .findByEnv(MARK)
        .then((processes) => ({ look, machines: machinesOf(processes, this.#ports.installId), elsewhere: machinesElsewhere(processes, this.#ports.installId) }))
        .finally(() => {
          if (this.#running === running) this.#running = null;
        });
      this.#running = running;
      return running;
    };
    if (this.#running === null) return begin();
    this.#nextLook = this.#running.then(begin, begin);
    return this.#nextLook;
  }
}

interface Keeper {
  readonly pid: number;
  readonly startTicks: string;
  /** From before its start until it certainly showed its tags. */
  readonly shownAfterMs: number;
}

interface Look {
  readonly machines: Map<string, LocalMachine>;
  readonly elsewhere: readonly LocalMachine[];
  readonly look: number;
}

function fileName(instance: string): string {
  return instance.replace(/[^A-Za-z0-9._-]/g, '_').replace(/^\.+/, '_');
}
