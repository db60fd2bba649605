/** From executor.yml and the script it runs to a configuration. Reads texts only: nothing is run, nobody is asked. */
import { type Executor, type ExecutorCommand, readExecutor } from './executor-yaml.ts';
import { hideSecrets } from './hide-secrets.ts';
import { labelPrefix, readScript, type ScriptFacts } from './read-script.ts';
import { type TemplateDefaults, type TemplateRead, templateOf } from './template.ts';
import { type ImportedPolicy, writeConfig } from './write-config.ts';

export interface ImportOptions {
  readonly group: string | null;
  readonly cloud: string;
  readonly min: number | null;
  /** Null: not given; the import is refused then. */
  readonly max: number | null;
  readonly nodebalancer: string | null;
  readonly configId: string | null;
  readonly template: TemplateDefaults;
  /** Defaults of linode-cli. */
  readonly cli: TemplateDefaults;
  readonly keepScript: boolean;
}
export interface ImportedScript {
  readonly shown: string;
  readonly text: string;
}
export interface ImportInput {
  readonly file: { readonly shown: string; readonly text: string };
  /** The script of a command; null: it cannot be read. */
  readonly script: (command: ExecutorCommand) => Promise<ImportedScript | null>;
  readonly options: ImportOptions;
}
export type ImportResult =
  | { readonly ok: true; readonly text: string; readonly group: string; readonly warnings: readonly string[]; readonly notUnderstood: readonly string[] }
  /** Every reason why there can be no configuration. */
  | { readonly ok: false; readonly reasons: readonly string[] };

const MOST_REMARKS = 100;
const SHELLS = /(?:^|\/)(?:ba|da|z|k)?sh$/;

export async function importAmExecutor({ file, script, options }: ImportInput): Promise<ImportResult> {
  const read = readExecutor(file.text);
  if (!read.ok) return { ok: false, reasons: [`${file.shown} is no configuration of prometheus-am-executor: ${read.why}`] };
  const work = new Import(read.executor, options);
  const shown: string[] = [];
  for (const command of read.executor.commands) {
    const found = await script(command);
    if (found !== null) shown.push(found.shown);
    work.command(command, found);
  }
  return work.result(file.shown, shown.length === 0 ? null : [...new Set(shown)].join(', '));
}

class Import {
  readonly #executor: Executor;
  readonly #options: ImportOptions;
  readonly #reasons: string[] = [];
  readonly #warnings: string[] = [];
  readonly #notUnderstood: string[] = [];
  readonly #policies: ImportedPolicy[] = [];
  #maker: ScriptFacts | null = null;
  #keep: readonly string[] | null = null;

  constructor(executor: Executor, options: ImportOptions) {
    this.#executor = executor;
    this.#options = options;
    if (options.max === null)
      this.#reasons.push('executor.yml says no maximum, and every group needs one: pass --max N, the most machines that a mistake may cost');
    if (options.min !== null && options.max !== null && options.min > options.max) this.#reasons.push(`--min ${options.min} is more than --max ${options.max}`);
    if (options.cloud !== 'linode') this.#reasons.push('only scripts for linode-cli are understood: --cloud linode');
    for (const key of executor.unknown) this.#warnings.push(`${key} in executor.yml is no key of prometheus-am-executor, which ignores it; so does this`);
    if (executor.tls)
      this.#warnings.push(
        'executor.yml serves HTTPS. On this machine plain HTTP is spoken here; beyond it give `server: { tls: { cert, key } }`, an address and an `auth`',
      );
  }

  command(command: ExecutorCommand, script: ImportedScript | null): void {
    const name = [command.cmd, ...command.args].join(' ');
    if (script === null) this.#reasons.push(`the script of \`${hideSecrets(name)}\` cannot be read here: name it with --script FILE`);
    const facts = readScript(script?.text ?? '');
    for (const { line, text } of facts.notUnderstood) this.#remark(`line ${line}: ${hideSecrets(text)}`);
    const shrinks = facts.deletes > 0 && facts.creates === 0;
    if (facts.create !== null) this.#maker ??= facts;
    this.#policy(command, shrinks ? -facts.deletes : Math.max(1, facts.creates));
    this.#defects(command, facts, shrinks);
    if (this.#options.keepScript && script !== null) this.#keepScript(command, facts, script.shown);
  }

  #remark(text: string): void {
    if (this.#notUnderstood.length < MOST_REMARKS) this.#notUnderstood.push(text);
  }

  #policy(command: ExecutorCommand, change: number): void {
    if (Object.keys(command.labels).length === 0) {
      this.#reasons.push(`\`${hideSecrets(command.cmd)}\` has no match_labels and runs for every alert: give it some, at least an alertname`);
      return;
    }
    const base =
      (command.labels['alertname'] ?? 'alert')
        .replace(/([a-z0-9])([A-Z])/g, '$1-$2')
        .toLowerCase()
        .replace(/[^a-z0-9]+/g, '-')
        .replace(/^[^a-z]+|-+$/g, '')
        .slice(0, 30)
        .replace(/-+$/, '') || 'alert';
    const taken = this.#policies.filter((p) => p.name === base || p.name.startsWith(`${base}-`)).length;
    this.#policies.push({ name: taken === 0 ? base : `${base}-${taken + 1}`, labels: command.labels, change });
  }

  /** What goes wrong with the chain as it stands, and what happens here instead. */
  #defects(command: ExecutorCommand, facts: ScriptFacts, shrinks: boolean): void {
    const told = (text: string): void => {
      if (!this.#warnings.includes(text)) this.#warnings.push(text);
    };
    if (!command.ignoresResolved && !shrinks)
      told(
        `resolved_signal ${command.resolvedSignal} ends a script that is still at work when the alert resolves, which may leave a machine that is paid for and in no balancer. Here a launch that has begun is finished or undone, whatever the alert does`,
      );
    if (!shrinks)
      told(
        `there is no maximum and no pause between runs: every repeat_interval of Alertmanager adds a machine. Here \`max\` and \`every\` bound it, and a repeated or duplicate notification adds nothing`,
      );
    if (command.max > 0)
      told(`max: ${command.max} limits scripts that run at once, not machines; it has no counterpart, since no script runs per notification`);
    if (!command.notifyOnFailure)
      told('notify_on_failure: false needs no counterpart: a delivery is answered before anything is done, and what fails is tried again');
    if (facts.readsStatus !== null)
      told(
        `line ${facts.readsStatus} of the script asks for AMX_STATUS. Since v1.0 am-executor runs nothing for a resolve, so that branch never ran; to shrink, give a low load an alert of its own`,
      );
    if (facts.create !== null && facts.register === null && this.#options.nodebalancer === null)
      told('the script registers its machines in no NodeBalancer, so the group has no balancer');
  }

  #keepScript(command: ExecutorCommand, facts: ScriptFacts, shown: string): void {
    if (facts.handled.length > 0) {
      this.#reasons.push(
        `with --keep-script the script would make and register machines beside those of Drover: take line${facts.handled.length === 1 ? '' : 's'} ${[...new Set(facts.handled)].sort((a, b) => a - b).join(', ')} out of ${shown} and say what they said with --region, --type, --image, --nodebalancer and --config-id; or leave --keep-script out`,
      );
      return;
    }
    if (this.#keep !== null) return void this.#warnings.push(`only the first script is kept; \`${hideSecrets(command.cmd)}\` is not`);
    this.#keep = [command.cmd, ...command.args];
    this.#warnings.push(
      'the script that stays gets the address of its machine in DROVER_ADDRESS, and may run again with the same DROVER_TOKEN: make it repeatable',
    );
  }

  result(source: string, script: string | null): ImportResult {
    const facts = this.#maker ?? readScript('');
    const template = templateOf(facts, this.#options.template, this.#options.cli);
    this.#warnings.push(...template.warnings);
    this.#reasons.push(
      ...template.missing.map((text) =>
        this.#maker === null ? text.replace('the script leaves the', 'no `linode-cli linodes create` was found that tells the') : text,
      ),
    );
    const listen = this.#listen();
    const balancer = this.#balancer(facts);
    const prefix = labelPrefix(facts);
    const group = this.#options.group ?? prefix ?? 'web';
    if (this.#reasons.length > 0 || listen === null) return { ok: false, reasons: this.#reasons };
    const text = writeConfig({
      source,
      script,
      group,
      prefix: prefix ?? group,
      min: this.#options.min ?? 0,
      minGiven: this.#options.min !== null,
      max: this.#options.max ?? 0,
      cloud: this.#options.cloud,
      listen,
      template: withPrivateAddress(template, balancer !== null),
      balancer,
      policies: this.#policies,
      keep: this.#keep,
      warnings: this.#warnings,
      notUnderstood: this.#notUnderstood,
    });
    return { ok: true, text, group, warnings: this.#warnings, notUnderstood: this.#notUnderstood };
  }

  /** Open to this machine alone, since nobody proves anything. */
  #listen(): string | null {
    const found = /^(\[[0-9a-fA-F:.]+\]|[^:\s]*):(\d{1,5})$/.exec(this.#executor.listen);
    if (found?.[2] === undefined || Number(found[2]) < 1 || Number(found[2]) > 65_535) {
      this.#reasons.push(`listen_address \`${hideSecrets(this.#executor.listen)}\` is not an address with a port`);
      return null;
    }
    const host = found[1] ?? '';
    if (/^(?:localhost|\[::1\]|127(?:\.\d{1,3}){3})$/.test(host)) return `${host}:${found[2]}`;
    this.#warnings.push(
      `executor.yml listens on ${host === '' ? 'every address' : host}, where anybody may send alerts. Here the receiver answers this machine only. If Alertmanager is elsewhere: listen on an address of the network, with \`auth: { bearer: { file: PATH } }\` here and \`authorization\` in its http_config`,
    );
    return `127.0.0.1:${found[2]}`;
  }

  #balancer({ register }: ScriptFacts): { nodebalancer: string; config: string; port: number; weight: number | null } | null {
    const { nodebalancer: givenId, configId } = this.#options;
    if (register === null && givenId === null && configId === null) return null;
    const id = (given: string | null, found: string | null | undefined, flag: string, what: string): string => {
      const text = given ?? found ?? '';
      if (/^[1-9]\d{0,14}$/.test(text)) return text;
      this.#reasons.push(`${what} ${text === '' ? 'is known only when the script runs' : `is \`${hideSecrets(text)}\`, not a number`}: pass --${flag} N`);
      return '0';
    };
    const nodebalancer = id(givenId, register?.nodebalancer, 'nodebalancer', 'the id of the NodeBalancer');
    const config = id(configId, register?.config, 'config-id', 'the id of its configuration');
    const port = register?.port ?? null;
    if (port === null) this.#warnings.push('the port of the nodes is not known; 80 is written, change it where that is wrong');
    return { nodebalancer, config, port: port ?? 80, weight: register?.weight ?? null };
  }
}

/** A NodeBalancer outside a VPC reaches private addresses only. */
function withPrivateAddress({ lines }: TemplateRead, needed: boolean): TemplateRead['lines'] {
  if (!needed || lines.some((l) => l.key === 'private_ip')) return lines;
  return [...lines, { key: 'private_ip', yaml: 'true', comment: 'a NodeBalancer reaches private addresses only' }];
}

/** Path of the script among the words of a command: `/bin/sh -x ./scale.sh` names the third. */
export function scriptPath({ cmd, args }: Pick<ExecutorCommand, 'cmd' | 'args'>): string {
  return SHELLS.test(cmd) ? (args.find((a) => !a.startsWith('-')) ?? cmd) : cmd;
}
