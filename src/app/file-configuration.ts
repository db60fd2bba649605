import type { ConfigChange as ApiChange, ConfigOperations, ConfigPlan, ConfigProblem, ConfigRunning } from '../api/config-operations.ts';
import { diffConfigs, type LoadedConfig } from '../config/config.ts';
import type { Instrument } from '../engine/instrument.ts';
import { type Actor, OperationError, type Operations } from '../engine/operations.ts';
import { Serial } from '../engine/serial.ts';
import type { AddressGuard } from '../platform/address-guard.ts';
import { fileExists } from '../platform/files.ts';
import { type Clock, DriverError, type Files, type Log, type Secrets } from '../ports/ports.ts';
import { readConfig, readConfigText } from './config-file.ts';
import type { OpenedWorld } from './open-world.ts';
import { refuseOutbound } from './refuse-outbound.ts';

export interface FileConfigurationDeps {
  readonly file: string;
  /** As the operator wrote it: it begins every place in a message. */
  readonly shown: string;
  readonly running: LoadedConfig;
  readonly files: Files;
  readonly secrets: Pick<Secrets, 'sha256'>;
  readonly clock: Clock;
  readonly log: Log;
  readonly operations: Pick<Operations, 'fleet'>;
  readonly instrument: Instrument;
  /** Throws OperationError when the running groups forbid this configuration. */
  check(config: LoadedConfig): Promise<void>;
  /** Which addresses the drivers may call. */
  readonly guard: Pick<AddressGuard, 'refusal'>;
  open(config: LoadedConfig): Promise<OpenedWorld>;
  use(config: LoadedConfig, world: OpenedWorld): Promise<void>;
  readonly error: string | null;
}

/** How often the file is looked at, ms. */
const LOOK_MS = 1_000;

/** The file is the truth: read again when it changes, kept as it was when the new one is wrong, replaced whole by `apply`. */
export class FileConfiguration implements ConfigOperations {
  readonly #deps: FileConfigurationDeps;
  readonly #serial = new Serial();
  #running: LoadedConfig;
  #seen: string;
  #loadedMs: number;
  #error: string | null;

  constructor(deps: FileConfigurationDeps) {
    this.#deps = deps;
    this.#running = deps.running;
    this.#seen = deps.running.source.text;
    this.#loadedMs = deps.clock.wall();
    this.#error = deps.error;
  }

  get config(): LoadedConfig {
    return this.#running;
  }

  async validate(text: string): Promise<readonly ConfigProblem[]> {
    const read = await this.#read(text);
    return read.ok ? read.config.warnings : read.diagnostics;
  }

  async plan(text: string): Promise<ConfigPlan> {
    const read = await this.#read(text);
    return read.ok ? this.#planOf(read.config) : { running: this.#running.hash, next: null, problems: read.diagnostics, changes: [], effects: [], confirm: [] };
  }

  apply(text: string, actor: Actor, confirm: readonly string[]): Promise<{ readonly applied: boolean; readonly plan: ConfigPlan }> {
    return this.#serial.run(async () => {
      const read = await this.#read(text);
      if (!read.ok)
        return { applied: false, plan: { running: this.#running.hash, next: null, problems: read.diagnostics, changes: [], effects: [], confirm: [] } };
      const plan = await this.#planOf(read.config);
      if (plan.confirm.some((name) => !confirm.includes(name))) return { applied: false, plan };
      const onDisk = await readConfigText(this.#deps.files, this.#deps.file).catch(() => null);
      if (onDisk !== null && onDisk !== this.#seen && onDisk !== text)
        throw new OperationError('conflict', `${this.#deps.shown} was changed on disk meanwhile. Read it again, then apply.`);
      refuseOutbound(this.#running, read.config, this.#deps.guard);
      const world = await this.#open(read.config);
      try {
        await this.#deps.files.writeAtomic(this.#deps.file, text, 0o600);
      } catch (e) {
        await world.listeners?.drop();
        throw new OperationError('unavailable', `${this.#deps.shown} cannot be written: ${e instanceof Error ? e.message : String(e)}. Nothing was applied.`);
      }
      await this.#take(read.config, world);
      this.#deps.log.info({ by: actor.name, hash: read.config.hash, changes: plan.changes.length }, 'configuration applied');
      return { applied: true, plan };
    });
  }

  async running(): Promise<ConfigRunning> {
    return { hash: this.#running.hash, file: this.#deps.shown, text: this.#running.source.text, loadedMs: this.#loadedMs, error: this.#error };
  }

  /** Reads the file if its text changed. An invalid one changes nothing and is told. */
  reload(): Promise<void> {
    return this.#serial.run(async () => {
      const text = await readConfigText(this.#deps.files, this.#deps.file);
      if (text === this.#seen) return;
      this.#seen = text;
      const read = await this.#read(text);
      try {
        if (!read.ok) {
          const errors = read.diagnostics.filter((d) => d.severity === 'error');
          throw new DriverError('bad-request', errors.map((d) => `${d.file}:${d.line}:${d.column} ${d.message}`).join('; '));
        }
        if (read.config.hash !== this.#running.hash) await this.#take(read.config, await this.#open(read.config));
        this.#error = null;
        this.#deps.instrument.reload(true);
      } catch (e) {
        this.#error = e instanceof Error ? e.message : String(e);
        this.#deps.instrument.reload(false);
        this.#deps.log.error({ file: this.#deps.shown, err: this.#error }, 'the new configuration is not used; the last good one stays');
      }
    });
  }

  watch(): () => void {
    let stopped = false;
    let cancel = (): void => {};
    const look = (): void => {
      cancel = this.#deps.clock.after(LOOK_MS, () => {
        this.reload()
          .catch((e) => {
            this.#error = e instanceof Error ? e.message : String(e);
          })
          .finally(() => {
            if (!stopped) look();
          });
      });
    };
    look();
    return () => {
      stopped = true;
      cancel();
    };
  }

  #read(text: string) {
    const { file, shown, secrets, files } = this.#deps;
    return readConfig({ file: shown, text }, { secrets, fileExists: (path) => fileExists(files.resolve(file, '..', path)) });
  }

  async #open(config: LoadedConfig): Promise<OpenedWorld> {
    await this.#deps.check(config);
    try {
      return await this.#deps.open(config);
    } catch (e) {
      if (e instanceof OperationError) throw e;
      throw new OperationError('unavailable', `${e instanceof Error ? e.message : String(e)}. Nothing was applied.`);
    }
  }

  async #take(config: LoadedConfig, world: OpenedWorld): Promise<void> {
    try {
      await this.#deps.use(config, world);
    } catch (e) {
      await world.listeners?.drop();
      throw e;
    }
    this.#running = config;
    this.#seen = config.source.text;
    this.#loadedMs = this.#deps.clock.wall();
    this.#error = null;
  }

  async #planOf(next: LoadedConfig): Promise<ConfigPlan> {
    const fleet = await this.#deps.operations.fleet();
    const running = Object.fromEntries(fleet.map((g) => [g.group, g.running]));
    const changes = diffConfigs(this.#running, next, running);
    const effects = next.groups.flatMap((g) => {
      const now = running[g.name] ?? 0;
      const launches = g.mode === 'act' ? Math.max(0, g.min - now) : 0;
      const removals = g.mode === 'act' ? Math.max(0, now - g.max) : 0;
      if (launches === 0 && removals === 0) return [];
      const text = launches > 0 ? `${g.name}: launches ${launches} to reach min ${g.min}` : `${g.name}: deletes ${removals} to come down to max ${g.max}`;
      return [{ group: g.name, launches, removals, text }];
    });
    return {
      running: this.#running.hash,
      next: next.hash,
      problems: next.warnings,
      changes: changes.map((c): ApiChange => ({ kind: c.kind, group: c.group, key: c.key, before: c.before, after: c.after, text: c.text })),
      effects,
      confirm: effects.filter((e) => e.removals > 0).map((e) => e.group),
    };
  }
}
