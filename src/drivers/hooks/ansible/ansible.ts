/** A step that is a playbook of Ansible, run on the one machine. */
import { type InventoryHost, inventoryFile, inventoryName } from '../../../kit/ansible-inventory.ts';
import { resolveValues, tail, throwIfAborted } from '../../../kit/command.ts';
import { durationMs } from '../../../kit/duration-text.ts';
import { hookEnv } from '../../../kit/hook-fields.ts';
import type { DriverPorts } from '../../../ports/driver.ts';
import { DriverError } from '../../../ports/errors.ts';
import type { Hook, HookContext } from '../../../ports/hook.ts';
import type { RunResult } from '../../../ports/processes.ts';
import { playbookArgs } from './arguments.ts';
import type { AnsibleOptions } from './options.ts';
import { type RunFiles, writeRunFiles } from './run-files.ts';

/** The engine's limit comes by the signal; this one only makes sure that there is one. */
const LONGEST_MS = 48 * 3_600_000;
const MAX_OUTPUT_BYTES = 8 * 1024 * 1024;
const MAX_SAID_CHARS = 600;
const KNOCK_EVERY_MS = 1000;
const KNOCK_TIMEOUT_MS = 3000;
/** Names every process of one run, so that what outlives the killed leader can be found. */
const RUN_NAME = 'DROVER_ANSIBLE_RUN';

export class AnsibleHook implements Hook {
  readonly #options: AnsibleOptions;
  readonly #ports: DriverPorts;

  constructor(options: AnsibleOptions, ports: DriverPorts) {
    this.#options = options;
    this.#ports = ports;
  }

  async run(context: HookContext, signal: AbortSignal): Promise<void> {
    throwIfAborted(signal, 'the hook');
    const { files, baseDir, secrets } = this.#ports;
    const playbook = files.resolve(baseDir, this.#options.playbook);
    if (!(await files.exists(playbook))) throw new DriverError('bad-request', `there is no playbook ${this.#options.playbook}`, { definite: true });
    await this.#waitForPort(context, signal);
    const env = await resolveValues(this.#options.env, secrets);
    const run = await writeRunFiles(this.#options, context, inventoryFile(hostOf(context)), this.#ports);
    try {
      const result = await this.#play(playbook, run, context, env.values, signal);
      judge(result, inventoryName(context.instance), [...env.secrets, ...run.secrets]);
    } finally {
      await run.remove();
    }
  }

  async #play(playbook: string, run: RunFiles, context: HookContext, env: Readonly<Record<string, string>>, signal: AbortSignal): Promise<RunResult> {
    const { files, baseDir, installId, processes } = this.#ports;
    const { command, cwd } = this.#options;
    const name = run.name;
    try {
      return await processes.run({
        argv: [
          command.includes('/') ? files.resolve(baseDir, command) : command,
          ...playbookArgs(this.#options, run, inventoryName(context.instance), (path) => files.resolve(baseDir, path)),
          playbook,
        ],
        env: { ...env, ...SETTINGS, ...hostKeys(this.#options), DROVER_INSTALL: installId, ...hookEnv(context), [RUN_NAME]: name },
        cwd: files.resolve(baseDir, cwd ?? '.'),
        timeoutMs: LONGEST_MS,
        maxBytes: MAX_OUTPUT_BYTES,
        signal,
      });
    } catch (e) {
      await this.#endWorkers(name);
      if (e instanceof DriverError && e.message.includes('no such program'))
        throw new DriverError(
          'bad-request',
          `${command} is not there: install Ansible on the machine of the controller, or name the program with \`command\``,
          {
            definite: true,
            cause: e,
          },
        );
      throw e;
    }
  }

  /** Workers of newer versions lead sessions of their own and outlive their parent; a second run must not meet them at work. */
  async #endWorkers(name: string): Promise<void> {
    const { processes, log } = this.#ports;
    try {
      for (const found of await processes.findByEnv(RUN_NAME)) if (found.env[RUN_NAME] === name) await processes.kill(found, 'SIGKILL');
    } catch (e) {
      log.warn({ err: String(e) }, 'what an ended playbook left behind could not be looked for');
    }
  }

  async #waitForPort(context: HookContext, signal: AbortSignal): Promise<void> {
    const { clock, sockets } = this.#ports;
    const port = this.#options.wait_for_port ?? (this.#options.connection === 'local' ? 'none' : 22);
    if (port === 'none') return;
    const limitMs = durationMs(this.#options.wait_timeout);
    const endMono = clock.mono() + limitMs;
    while (!(await sockets.canConnect({ host: context.address, port }, Math.max(1, Math.min(KNOCK_TIMEOUT_MS, endMono - clock.mono()))))) {
      throwIfAborted(signal, `waiting for port ${port}`);
      if (clock.mono() + KNOCK_EVERY_MS >= endMono)
        throw new DriverError('unreachable', `port ${port} of ${context.address} did not open within ${Math.round(limitMs / 1000)} s`, { definite: true });
      await clock.sleep(KNOCK_EVERY_MS, signal).catch(() => {});
    }
    throwIfAborted(signal, 'the hook');
  }
}

/** Its answer is read below, so it must be in the form that is known, whatever an ansible.cfg says. */
const SETTINGS = { ANSIBLE_STDOUT_CALLBACK: 'default', ANSIBLE_NOCOLOR: '1', ANSIBLE_FORCE_COLOR: '0', ANSIBLE_RETRY_FILES_ENABLED: '0' } as const;

function hostKeys(options: AnsibleOptions): Record<string, string> {
  return { ANSIBLE_HOST_KEY_CHECKING: options.host_key_checking === 'off' ? 'False' : 'True' };
}

function hostOf(context: HookContext): InventoryHost {
  const { instance, group, address, port, zone, machineId, step } = context;
  return { instance, group, address, port, zone, machineId, state: step === 'before_attach' ? 'warming' : 'draining' };
}

/** Ansible calls a run in which no play meant the machine a success; to us it is none. */
function judge(result: RunResult, host: string, secrets: readonly string[]): void {
  const said = tail(`${result.stdout}\n${result.stderr}`, secrets, MAX_SAID_CHARS);
  if (result.exitCode !== 0) {
    const how = result.signal === null ? `exit code ${result.exitCode}` : `signal ${result.signal}`;
    // 4: a host could not be reached (ansible-core, RUN_UNREACHABLE_HOSTS).
    throw new DriverError(result.exitCode === 4 ? 'unreachable' : 'unknown', `the playbook ended with ${how}${said === '' ? '' : `: ${said}`}`);
  }
  const recap = result.stdout.lastIndexOf('PLAY RECAP');
  const names =
    recap < 0
      ? []
      : result.stdout
          .slice(recap)
          .split('\n')
          .slice(1)
          .map((line) => line.split(/\s+:\s+/)[0]?.trim());
  if (!names.includes(host))
    throw new DriverError('bad-request', `the playbook did nothing on this machine: none of its plays is for all, drover or the machine's group. ${said}`, {
      definite: true,
    });
}
