/** Secrets kept encrypted in the state directory of a configuration. */
import { type LoadedConfig, secretReferences } from '../config/config.ts';
import { readYaml } from '../config/read.ts';
import { nodeAt, toPlain } from '../config/tree.ts';
import { realClock } from '../platform/clock.ts';
import { realFiles } from '../platform/files.ts';
import { checkedSecret } from '../platform/secrets.ts';
import { type KeptSecret, MAX_SECRET_BYTES, type Rotation, SecretVault, type VaultPlace } from '../platform/secrets-vault.ts';
import { DriverError } from '../ports/ports.ts';
import { readConfigText } from './config-file.ts';

export { MAX_SECRET_BYTES, type Rotation };

const DEFAULT_STATE = './drover-state';

/** `baseDir`: the directory of the configuration file, which relative paths start from. */
export function vaultPlaceOf(server: Pick<LoadedConfig['server'], 'stateDir' | 'secretsKey'>, baseDir: string): VaultPlace {
  const { stateDir, secretsKey } = server;
  const key = secretsKey !== null && 'file' in secretsKey ? { file: realFiles.resolve(baseDir, secretsKey.file) } : secretsKey;
  return { stateDir: realFiles.resolve(baseDir, stateDir), key };
}

export interface FoundVault {
  readonly place: VaultPlace;
  /** Fields of the configuration file that refer to a secret, by its name; null: there is no such file. */
  readonly uses: ReadonlyMap<string, readonly string[]> | null;
}

/**
 * Where the configuration file says that secrets are kept. The file need not be valid (a secret is often set before the rest is written) and
 * need not be there; but where it does not say clearly, nothing is guessed. Throws DriverError.
 */
export async function findVault(configFile: string, shown: string): Promise<FoundVault> {
  const baseDir = realFiles.resolve(configFile, '..');
  if (!(await realFiles.exists(configFile))) return { place: vaultPlaceOf({ stateDir: DEFAULT_STATE, secretsKey: null }, baseDir), uses: null };
  const { root } = readYaml(await readConfigText(realFiles, configFile), shown);
  if (root === null) throw new DriverError('bad-request', `${shown} cannot be read, so it is not known where secrets are kept; run: drover validate ${shown}`);
  const written = (key: string): unknown => {
    const node = nodeAt(root, ['server', key]);
    return node === undefined ? undefined : toPlain(node);
  };
  const stateDir = written('state') ?? DEFAULT_STATE;
  const secretsKey = written('secrets_key') ?? null;
  if (typeof stateDir !== 'string' || stateDir === '') throw unclear(shown, 'server.state');
  if (secretsKey !== null && !isKeyPlace(secretsKey)) throw unclear(shown, 'server.secrets_key');
  const uses = new Map<string, string[]>();
  for (const { ref, path } of secretReferences(root)) if ('secret' in ref) uses.set(ref.secret, [...(uses.get(ref.secret) ?? []), path]);
  return { place: vaultPlaceOf({ stateDir, secretsKey }, baseDir), uses };
}

function isKeyPlace(value: unknown): value is { file: string } | { env: string } {
  if (typeof value !== 'object' || value === null || Object.keys(value).length !== 1) return false;
  const [[key, text]] = Object.entries(value) as [[string, unknown]];
  return (key === 'file' || key === 'env') && typeof text === 'string' && text !== '';
}

function unclear(shown: string, field: string): DriverError {
  return new DriverError(
    'bad-request',
    `${shown}: ${field} is not what it should be, so it is not known where secrets are kept; run: drover validate ${shown}`,
  );
}

export interface ListedSecret {
  readonly name: string;
  /** Null: the configuration asks for it, and it is not set. */
  readonly kept: KeptSecret | null;
  readonly usedBy: readonly string[];
}

/** What is kept and what is asked for, by name. Throws DriverError. */
export async function listSecrets({ place, uses }: FoundVault): Promise<readonly ListedSecret[]> {
  const kept = await new SecretVault(place).list();
  const names = new Set([...kept.map((k) => k.name), ...(uses?.keys() ?? [])]);
  return [...names].sort().map((name) => ({ name, kept: kept.find((k) => k.name === name) ?? null, usedBy: uses?.get(name) ?? [] }));
}

/** Keeps a value; a line end at its end is dropped, as with files. Throws DriverError. */
export function setSecret({ place }: FoundVault, name: string, value: string): Promise<KeptSecret> {
  return new SecretVault(place).set(name, checkedSecret(value, `the value of ${name}`), realClock.wall());
}

/** False: there is none of that name. */
export function removeSecret({ place }: FoundVault, name: string): Promise<boolean> {
  return new SecretVault(place).remove(name);
}

export async function rotateSecretsKey({ place }: FoundVault): Promise<Rotation & { readonly key: string }> {
  const vault = new SecretVault(place);
  return { ...(await vault.rotateKey()), key: vault.shownKey };
}
