/** A step that is a command of the operator. */
import { amxEnv } from '../../../kit/amx-env.ts';
import { ending, resolveValues, throwIfAborted } from '../../../kit/command.ts';
import { fillArgv } from '../../../kit/fill.ts';
import { hookEnv, hookFields } from '../../../kit/hook-fields.ts';
import type { DriverPorts } from '../../../ports/driver.ts';
import { DriverError } from '../../../ports/errors.ts';
import type { Hook, HookContext } from '../../../ports/hook.ts';
import type { ExecHookOptions } from './options.ts';

/** The engine's limit comes by the signal; this one only makes sure that there is one. */
const LONGEST_MS = 48 * 3_600_000;
const MAX_OUTPUT_BYTES = 1024 * 1024;

export class ExecHook implements Hook {
  readonly #options: Exclude<ExecHookOptions, unknown[]>;
  readonly #ports: DriverPorts;

  constructor(options: ExecHookOptions, ports: DriverPorts) {
    this.#options = Array.isArray(options) ? { command: options, env: {}, amx: false } : options;
    this.#ports = ports;
  }

  async run(context: HookContext, signal: AbortSignal): Promise<void> {
    throwIfAborted(signal, 'the hook');
    const { files, baseDir, installId } = this.#ports;
    const [program = '', ...args] = fillArgv(this.#options.command, hookFields(context));
    const { values, secrets } = await resolveValues(this.#options.env, this.#ports.secrets);
    const result = await this.#ports.processes.run({
      argv: [program.includes('/') ? files.resolve(baseDir, program) : program, ...args],
      env: { ...(this.#options.amx ? amxEnv(context.alerts ?? []) : {}), ...values, DROVER_INSTALL: installId, ...hookEnv(context) },
      cwd: files.resolve(baseDir, this.#options.cwd ?? '.'),
      timeoutMs: LONGEST_MS,
      maxBytes: MAX_OUTPUT_BYTES,
      signal,
    });
    if (result.exitCode !== 0) throw new DriverError('unknown', `${program} ended with ${ending(result, secrets)}`);
  }
}
