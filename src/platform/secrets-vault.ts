/** Secrets kept encrypted in the state directory: one file of sealed records, and the keys in a place of their own. */
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { DriverError } from '../ports/errors.ts';
import type { Files } from '../ports/processes.ts';
import { realFiles } from './files.ts';
import { type Key, type KeyPlace, newKey, readKeys, shownKeyPlace, writeKeys } from './secrets-keys.ts';
import { alone } from './secrets-lock.ts';
import { MAX_SECRETS_BYTES, parseRecords, printRecords, SECRET_NAME, type SealedSecret, type SealedSecrets, seal, unseal } from './secrets-records.ts';

/** Where secrets are kept. Paths are absolute. */
export interface VaultPlace {
  readonly stateDir: string;
  /** Null: `secrets.key` in the state directory. */
  readonly key: KeyPlace | null;
}

export interface KeptSecret {
  readonly name: string;
  /** 1 at first, one more each time the value is set. */
  readonly version: number;
  readonly setAtMs: number;
}

export interface Rotation {
  /** Values written anew. */
  readonly rewritten: number;
  /** Old keys that still stand behind the new one, for the operator to take away. */
  readonly oldKeys: number;
}

/** Larger values are no secrets but mistakes. */
export const MAX_SECRET_BYTES = 64 * 1024;
const MAX_SECRETS = 1000;
export const SECRETS_FILE = 'secrets.json';
export const KEY_FILE = 'secrets.key';
/** A rotation may run between reading the records and reading the keys: then both are read again. */
const READS = 5;

/** Names kept in a state directory, at once, for checks that cannot wait. Null: the file may not be read, or is damaged. */
export function keptNames(stateDir: string): readonly string[] | null {
  const path = join(stateDir, SECRETS_FILE);
  try {
    return [...parseRecords(readFileSync(path, 'utf8'), path).keys()];
  } catch (e) {
    return (e as NodeJS.ErrnoException).code === 'ENOENT' ? [] : null;
  }
}

export class SecretVault {
  readonly file: string;
  readonly keyPlace: KeyPlace;
  readonly #stateDir: string;
  readonly #lock: string;
  readonly #files: Files;

  constructor(place: VaultPlace, files: Files = realFiles) {
    this.#stateDir = place.stateDir;
    this.#files = files;
    this.file = join(place.stateDir, SECRETS_FILE);
    this.keyPlace = place.key ?? { file: join(place.stateDir, KEY_FILE) };
    this.#lock = join(place.stateDir, 'secrets.lock');
  }

  /** Where the keys are, for messages. */
  get shownKey(): string {
    return shownKeyPlace(this.keyPlace);
  }

  /** Names, without their values and without the key. Throws DriverError where the file is damaged. */
  async list(): Promise<readonly KeptSecret[]> {
    return [...(await this.#records())].map(([name, { version, setAtMs }]) => ({ name, version, setAtMs })).sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** The value as it is now. Throws DriverError naming the secret, never its value. */
  async get(name: string): Promise<string> {
    for (let read = 1; ; read++) {
      const record = (await this.#records()).get(name);
      if (record === undefined) throw new DriverError('not-found', `secret: ${name} is not set; set it: drover secret set ${name}`);
      const keys = await this.#keys(1);
      const key = keys.find((k) => k.id === record.keyId);
      if (key !== undefined) return unseal(name, record, key);
      if (read >= READS) throw this.#wrongKey(name, record);
    }
  }

  /** Writes the value under the name. Throws DriverError; then nothing has changed. */
  async set(name: string, value: string, nowMs: number): Promise<KeptSecret> {
    if (!SECRET_NAME.test(name)) throw new DriverError('bad-request', 'secret: a name is up to 64 letters, digits, `_`, `-` and `.`, starting with a letter');
    if (value === '') throw new DriverError('bad-request', `secret: the value of ${name} is empty`);
    if (Buffer.byteLength(value) > MAX_SECRET_BYTES)
      throw new DriverError('bad-request', `secret: the value of ${name} is larger than ${MAX_SECRET_BYTES} bytes`);
    return this.#alone(async () => {
      const records = await this.#records();
      const [key] = (await this.#keys(records.size)) as readonly [Key];
      // A key that opens none of the others is the wrong one: with it, half of the file would need another.
      for (const [other, record] of records) if (record.keyId !== key.id) await this.#open(other, record);
      const version = (records.get(name)?.version ?? 0) + 1;
      await this.#write(new Map([...records, [name, seal(name, value, version, nowMs, key)]]));
      return { name, version, setAtMs: nowMs };
    });
  }

  /** False: there is none of that name. */
  async remove(name: string): Promise<boolean> {
    return this.#alone(async () => {
      const records = new Map(await this.#records());
      if (!records.delete(name)) return false;
      await this.#write(records);
      return true;
    });
  }

  /**
   * Every value under a new key. In a file of ours: the new key is put before the old one, then the values are written anew, then the old
   * key goes; stopped between any two of these, all can still be read, and the next call ends it. A key from the environment, or in a file
   * that may only be read, is not ours to change: the operator puts a new one before the old one, and this writes the values anew.
   */
  async rotateKey(): Promise<Rotation> {
    return this.#alone(async () => {
      const records = await this.#records();
      const keys = await this.#keys(records.size);
      const values = new Map<string, string>();
      for (const [name, record] of records) values.set(name, await this.#open(name, record));
      const place = this.keyPlace;
      const [first] = keys as readonly [Key];
      const begun = [...records.values()].some((r) => r.keyId !== first.id);
      if ('env' in place) {
        if (!begun && keys.length === 1) throw this.#notOurs(place.env);
        return { rewritten: begun ? await this.#rewrite(records, values, first) : 0, oldKeys: keys.length - 1 };
      }
      const key = begun ? first : newKey();
      if (!begun) await writeKeys(place.file, [key, first], this.#files);
      const rewritten = await this.#rewrite(records, values, key);
      return { rewritten, oldKeys: await this.#dropOldKeys(place.file, key, begun ? keys.length - 1 : 0) };
    });
  }

  /** How many could not be taken away: only where the operator put the new key there is that no failure. */
  async #dropOldKeys(file: string, key: Key, tolerated: number): Promise<number> {
    try {
      await writeKeys(file, [key], this.#files);
      return 0;
    } catch (e) {
      if (tolerated > 0 && e instanceof DriverError && e.code === 'unauthorized') return tolerated;
      throw e;
    }
  }

  #notOurs(env: string): DriverError {
    return new DriverError(
      'conflict',
      `secret: the key is in the environment variable ${env}, which is not ours to change: put a new one (openssl rand -base64 32) before the old one, parted by a comma, and run this again; then take the old one away`,
    );
  }

  async #rewrite(records: SealedSecrets, values: ReadonlyMap<string, string>, key: Key): Promise<number> {
    // Version and time stay: the value is the same.
    const anew = [...records].map(([name, r]): [string, SealedSecret] => [name, seal(name, values.get(name) ?? '', r.version, r.setAtMs, key)]);
    if (anew.length > 0) await this.#write(new Map(anew));
    return anew.length;
  }

  async #open(name: string, record: SealedSecret): Promise<string> {
    const key = (await this.#keys(1)).find((k) => k.id === record.keyId);
    if (key === undefined) throw this.#wrongKey(name, record);
    return unseal(name, record, key);
  }

  #wrongKey(name: string, record: SealedSecret): DriverError {
    return new DriverError(
      'unauthorized',
      `secret: ${name} was encrypted with the key ${record.keyId}, which is not in ${this.shownKey}; bring that key back, or set every secret anew after removing ${this.file}`,
    );
  }

  async #records(): Promise<SealedSecrets> {
    let text: string;
    try {
      text = await this.#files.readText(this.file, MAX_SECRETS_BYTES);
    } catch (e) {
      if (e instanceof DriverError && e.code === 'not-found') return new Map();
      throw e;
    }
    return parseRecords(text, this.file);
  }

  /** The keys; the first one encrypts. Makes a first one only where nothing is kept yet. */
  async #keys(kept: number): Promise<readonly Key[]> {
    const found = await readKeys(this.keyPlace, this.#files);
    if (found !== null) return found;
    if (kept > 0) {
      throw new DriverError(
        'unauthorized',
        `secret: the key is missing: ${this.shownKey}${'env' in this.keyPlace ? ' is not set' : ' is not there'}; without it the secrets in ${this.file} cannot be read`,
      );
    }
    if ('env' in this.keyPlace) {
      throw new DriverError('not-found', `secret: ${this.shownKey} is not set; put 32 random bytes in base64 there: openssl rand -base64 32`);
    }
    const made = [newKey()];
    await writeKeys(this.keyPlace.file, made, this.#files);
    return made;
  }

  async #write(records: SealedSecrets): Promise<void> {
    if (records.size > MAX_SECRETS) throw new DriverError('quota', `secret: at most ${MAX_SECRETS} are kept`);
    const text = printRecords(records);
    if (Buffer.byteLength(text) > MAX_SECRETS_BYTES) throw new DriverError('quota', `secret: all of them together take at most ${MAX_SECRETS_BYTES} bytes`);
    await this.#files.writeAtomic(this.file, text, 0o600);
  }

  async #alone<T>(work: () => Promise<T>): Promise<T> {
    await this.#files.ensureDir(this.#stateDir, 0o700);
    // A file that root leaves there could not be read by the controller.
    const owner = statSync(this.#stateDir).uid;
    if (process.getuid !== undefined && process.getuid() !== owner) {
      const text = `secret: ${this.#stateDir} belongs to another user; run this as that user: sudo -u '#${owner}' drover secret …`;
      throw new DriverError('unauthorized', text, { definite: true });
    }
    return alone(this.#lock, work);
  }
}
