import type { Json, JsonObject } from '../../../core/model/json.ts';
import { plainText } from '../../../kit/ansible-inventory.ts';
import { fill } from '../../../kit/fill.ts';
import { hookFields } from '../../../kit/hook-fields.ts';
import { secretRef } from '../../../kit/secret-ref.ts';
import type { DriverPorts } from '../../../ports/driver.ts';
import type { HookContext } from '../../../ports/hook.ts';
import type { SecretRef } from '../../../ports/secrets.ts';
import type { AnsibleOptions } from './options.ts';

/** Files of one run, mode 0600 in a directory of mode 0700. Null: not needed. */
export interface RunFiles {
  /** The same for every try of a step: what a crash left is overwritten and taken away by the next one. */
  readonly name: string;
  readonly inventory: string;
  readonly extraVars: string | null;
  readonly privateKey: string | null;
  readonly vaultPassword: string | null;
  /** Written by ssh. */
  readonly knownHosts: string;
  /** What must not show up in a message. */
  readonly secrets: readonly string[];
  remove(): Promise<void>;
}

export async function writeRunFiles(options: AnsibleOptions, context: HookContext, inventory: JsonObject, ports: DriverPorts): Promise<RunFiles> {
  const { files, secrets, stateDir } = ports;
  const dir = files.resolve(stateDir, 'ansible');
  const name = secrets.sha256(context.token).slice(0, 24);
  const at = (what: string) => files.resolve(dir, `${name}.${what}`);
  const hidden: string[] = [];
  const reveal = async (ref: SecretRef): Promise<string> => {
    const value = (await secrets.resolve(ref)).reveal();
    hidden.push(value);
    return value;
  };
  const paths = [at('inventory.json'), at('vars.json'), at('key'), at('vault'), at('hosts')] as const;
  const remove = async (): Promise<void> => {
    for (const path of paths) await files.remove(path).catch((e) => ports.log.error({ err: String(e) }, 'a file of a playbook could not be removed'));
  };
  const write = async (path: string, text: string | null): Promise<string | null> => {
    if (text === null) return null;
    await files.writeAtomic(path, text, 0o600);
    return path;
  };
  await files.ensureDir(dir, 0o700);
  try {
    await files.writeAtomic(paths[0], JSON.stringify(inventory), 0o600);
    const vars = await variables(options, context, reveal);
    return {
      name,
      inventory: paths[0],
      extraVars: await write(paths[1], vars === null ? null : JSON.stringify(vars)),
      // ssh refuses a key whose last line has no end.
      privateKey: await write(paths[2], options.private_key === undefined ? null : `${(await reveal(options.private_key)).trimEnd()}\n`),
      vaultPassword: await write(paths[3], options.vault_password === undefined ? null : await reveal(options.vault_password)),
      knownHosts: paths[4],
      secrets: hidden,
      remove,
    };
  } catch (e) {
    await remove();
    throw e;
  }
}

async function variables(options: AnsibleOptions, context: HookContext, reveal: (ref: SecretRef) => Promise<string>): Promise<JsonObject | null> {
  const entries = Object.entries(options.extra_vars);
  if (entries.length === 0) return null;
  const vars: Record<string, Json> = {};
  for (const [name, value] of entries) {
    const ref = secretRef.safeParse(value);
    if (ref.success) vars[name] = plainText(await reveal(ref.data));
    else vars[name] = typeof value === 'string' ? plainText(fill(value, hookFields(context))) : (value as Json);
  }
  return vars;
}
