import type { ScriptFacts } from './read-script.ts';
import { literal } from './script-values.ts';
import type { Word } from './shell-words.ts';

/** Options of the cloud's template, as they are written in a configuration, with the reason of each that needs one. */
export interface TemplateLine {
  readonly key: string;
  readonly yaml: string;
  readonly comment: string | null;
}
export interface TemplateRead {
  readonly lines: readonly TemplateLine[];
  readonly warnings: readonly string[];
  /** What nobody tells; the import cannot do without. */
  readonly missing: readonly string[];
}
export interface TemplateDefaults {
  readonly region: string | null;
  readonly type: string | null;
  readonly image: string | null;
}

/** Flags that shape the answer, or that say what is so anyway. */
const NO_MEANING = new Set([
  'label',
  'json',
  'text',
  'format',
  'delimiter',
  'no_headers',
  'no_defaults',
  'no_truncation',
  'suppress_warnings',
  'as_user',
  'booted',
  'pretty',
  'all_columns',
  'page',
  'page_size',
  'markdown',
  'debug',
]);

/** `linodes create` as a template of the cloud `linode`. */
export function templateOf(facts: ScriptFacts, given: TemplateDefaults, cli: TemplateDefaults): TemplateRead {
  const work = new Translation(facts, given, cli);
  return work.read();
}

class Translation {
  readonly #facts: ScriptFacts;
  readonly #given: TemplateDefaults;
  readonly #cli: TemplateDefaults;
  readonly #lines: TemplateLine[] = [];
  readonly #warnings: string[] = [];
  readonly #missing: string[] = [];

  constructor(facts: ScriptFacts, given: TemplateDefaults, cli: TemplateDefaults) {
    this.#facts = facts;
    this.#given = given;
    this.#cli = cli;
  }

  read(): TemplateRead {
    const options = this.#facts.create?.options ?? new Map<string, Word>();
    for (const key of ['region', 'type', 'image'] as const) this.#place(key, options.get(key));
    for (const [name, word] of options) {
      if (name !== 'region' && name !== 'type' && name !== 'image' && !NO_MEANING.has(name)) this.#option(name, word);
    }
    if (!options.has('root_pass')) this.#put('root_pass', 'random', 'made for each machine and kept nowhere');
    return { lines: this.#lines, warnings: this.#warnings, missing: this.#missing };
  }

  #put(key: string, yaml: string, comment: string | null = null): void {
    this.#lines.push({ key, yaml, comment });
  }

  #text(word: Word): string | null {
    return literal(this.#facts.variables.value(word));
  }

  #place(key: keyof TemplateDefaults, word: Word | undefined): void {
    const written = word === undefined ? null : this.#text(word);
    const value = this.#given[key] ?? written ?? this.#cli[key];
    if (value === null) {
      this.#missing.push(
        word === undefined
          ? `the script leaves the ${key} to the defaults of linode-cli: pass --${key}, or --linode-cli FILE`
          : `the ${key} is known only when the script runs: pass --${key}`,
      );
      return;
    }
    const from = this.#given[key] !== null ? null : written !== null ? null : 'from the configuration of linode-cli';
    this.#put(key, JSON.stringify(value), key === 'region' && from === null ? 'must be that of the NodeBalancer' : from);
  }

  #option(name: string, word: Word): void {
    if (name === 'stackscript_data') return; // with stackscript_id
    if (name === 'root_pass') {
      this.#password(word);
      return;
    }
    const text = this.#text(word);
    if (text === null) this.#lost(name, 'its value is known only when the script runs');
    else if (!this.#flag(name, text) && !this.#number(name, text) && !this.#list(name, text)) this.#lost(name, 'it has no counterpart here');
  }

  #flag(name: string, text: string): boolean {
    const key = name === 'backups_enabled' ? 'backups' : name;
    if (key === 'disk_encryption' && /^(enabled|disabled)$/.test(text)) this.#put(key, text);
    else if (key !== 'backups' && key !== 'private_ip') return false;
    else if (text === 'true') this.#put(key, 'true');
    return true;
  }

  #number(name: string, text: string): boolean {
    if (!/^\d{1,12}$/.test(text)) return false;
    if (name === 'swap_size' || name === 'firewall_id') this.#put(name, text);
    else if (name === 'placement_group.id') this.#put('placement_group', text);
    else if (name === 'stackscript_id') this.#put('stackscript', `{ id: ${text}${this.#stackscriptData()} }`);
    else return false;
    return true;
  }

  #list(name: string, text: string): boolean {
    if (name === 'tags') this.#tags(text);
    else if (name === 'metadata.user_data') this.#userData(text);
    else if (name === 'authorized_keys' || name === 'authorized_users') this.#put(name, JSON.stringify(text.split(',').filter((t) => t !== '')));
    else return false;
    return true;
  }

  #lost(name: string, why: string): void {
    this.#warnings.push(`line ${this.#facts.create?.line}: --${name} is left out: ${why}`);
  }

  /** What stands there is never printed. */
  #password(word: Word): void {
    const outside = this.#facts.variables.fromOutside(word);
    if (outside !== null) {
      this.#put('root_pass', `{ env: ${outside} }`, 'as in the script: from the environment');
      return;
    }
    if (this.#text(word) !== null)
      this.#warnings.push(
        `line ${this.#facts.create?.line}: the script holds a root password in the open; it is not taken over. Change it wherever it is in use`,
      );
    this.#put('root_pass', 'random', 'made for each machine and kept nowhere');
  }

  #tags(text: string): void {
    const tags = [...new Set(text.split(',').map((t) => t.trim()))].filter((t) => t !== '');
    const fit = tags.filter((t) => t.length >= 3 && t.length <= 50);
    if (fit.length < tags.length)
      this.#warnings.push(`line ${this.#facts.create?.line}: tags have 3 to 50 characters; left out: ${tags.filter((t) => !fit.includes(t)).length}`);
    if (fit.length > 0) this.#put('tags', JSON.stringify(fit));
  }

  #stackscriptData(): string {
    const word = this.#facts.create?.options.get('stackscript_data');
    if (word === undefined) return '';
    const text = this.#text(word);
    try {
      const data = JSON.parse(text ?? '') as unknown;
      if (
        typeof data === 'object' &&
        data !== null &&
        !Array.isArray(data) &&
        Object.values(data).every((v) => ['string', 'number', 'boolean'].includes(typeof v))
      ) {
        this.#warnings.push(
          'the values of the StackScript stand in the configuration in the open: write secrets among them as { file: PATH } or { env: NAME }',
        );
        return `, data: ${JSON.stringify(Object.fromEntries(Object.entries(data).map(([k, v]) => [k, String(v)])))}`;
      }
    } catch {}
    this.#lost('stackscript_data', 'it is not a JSON object that can be read');
    return '';
  }

  #userData(base64: string): void {
    const text = Buffer.from(base64, 'base64').toString('utf8');
    const again = Buffer.from(text, 'utf8').toString('base64');
    if (again.replace(/=+$/, '') === base64.replace(/\s|=+$/g, ''))
      this.#put('user_data', JSON.stringify(text), 'decoded; secrets belong into `user_data_file`');
    else this.#lost('metadata.user_data', 'it is not base64 of text; write it into a file and name that as `user_data_file`');
  }
}
