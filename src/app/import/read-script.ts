/** What a scaling script does, as far as it can be seen without running it: linode-cli's create and node-create, and what they are given. */
import { leading, literal, trailing, Variables } from './script-values.ts';
import { type SimpleCommand, shellCommands, type Word } from './shell-words.ts';

/** Options of `linodes create`, normalised: dashes as `_`. */
export interface CreateCall {
  readonly line: number;
  readonly options: ReadonlyMap<string, Word>;
}
export interface Remark {
  readonly line: number;
  readonly text: string;
}

export interface ScriptFacts {
  readonly variables: Variables;
  readonly create: CreateCall | null;
  /** Machines one run makes. */
  readonly creates: number;
  /** Machines one run deletes. */
  readonly deletes: number;
  readonly register: {
    readonly line: number;
    readonly nodebalancer: string | null;
    readonly config: string | null;
    readonly port: number | null;
    readonly weight: number | null;
  } | null;
  /** Lines that make or register machines, or take them away. */
  readonly handled: readonly number[];
  readonly notUnderstood: readonly Remark[];
  /** It asks which status the alerts have. */
  readonly readsStatus: number | null;
}

const CLI = /(?:^|\/)(?:linode-cli|linode_cli|lin)$/;
/** Without effect on machines. */
const HARMLESS = new Set([
  'echo',
  'printf',
  'set',
  'sleep',
  'exit',
  'true',
  ':',
  'date',
  'logger',
  'wait',
  'cd',
  'export',
  'local',
  'readonly',
  'declare',
  'trap',
  'shopt',
  'umask',
  'return',
  'then',
  'do',
  'done',
  'fi',
  'else',
  'esac',
  '{',
  '}',
]);
const PREFIXES = new Set(['sudo', 'env', 'time', 'nohup', 'exec', 'command', 'then', 'do', 'else', '{', '!']);
const NO_ARGUMENT = new Set([
  'json',
  'text',
  'no_headers',
  'no_defaults',
  'all',
  'all_columns',
  'pretty',
  'suppress_warnings',
  'markdown',
  'debug',
  'no_truncation',
]);
const MOST_AT_ONCE = 1000;

export function readScript(text: string): ScriptFacts {
  const reader = new ScriptReader();
  reader.read(withoutPlaceholders(text), 1, 0);
  return reader;
}

/** `NBID={Id of the NodeBalancer}`: a gap that the author left for the reader. Quoted, it is one word and no command. */
function withoutPlaceholders(text: string): string {
  return text.replace(/^(\s*(?:export\s+)?[A-Za-z_]\w*=)(\{[^}\n$"']*\})\s*$/gm, '$1"$2"');
}

class ScriptReader implements ScriptFacts {
  readonly variables = new Variables();
  readonly handled: number[] = [];
  readonly notUnderstood: Remark[] = [];
  create: CreateCall | null = null;
  creates = 0;
  deletes = 0;
  register: ScriptFacts['register'] = null;
  readsStatus: number | null = null;
  /** How often the body of each open loop runs; 1 where that cannot be seen. */
  readonly #loops: number[] = [];

  read(text: string, firstLine: number, depth: number): void {
    for (const command of shellCommands(text, firstLine)) this.#command(command, depth);
  }

  #command(command: SimpleCommand, depth: number): void {
    if (this.readsStatus === null && /AMX_(?:ALERT_\d+_)?STATUS/.test(command.raw)) this.readsStatus = command.line;
    const seen = this.handled.length;
    for (const word of command.words) {
      for (const part of word) if (part.kind === 'substitution' && depth < 5) this.read(part.text, part.line, depth + 1);
    }
    let words = command.words;
    const names = words.map((w) => literal(this.variables.value(w)));
    if (names[0] === 'for') {
      this.#loops.push(this.#timesOf(names));
      return;
    }
    if (names[0] === 'while' || names[0] === 'until') this.#loops.push(1);
    if (names[0] === 'done') this.#loops.pop();
    while (words.length > 0) {
      const name = literal(this.variables.value(words[0] ?? []));
      const assigned = this.#assign(words[0] ?? []);
      if (!assigned && (name === null || !PREFIXES.has(name))) break;
      words = words.slice(1);
    }
    const [program] = words;
    if (program === undefined) return;
    const name = literal(this.variables.value(program));
    if (name === 'export' || name === 'local' || name === 'readonly' || name === 'declare') for (const word of words.slice(1)) this.#assign(word);
    if (name !== null && CLI.test(name)) {
      this.#linode(command, words.slice(1), depth);
      return;
    }
    // What a pipe does with an answer that was asked for is part of asking.
    if (this.handled.length > seen || depth > 0 || (name !== null && HARMLESS.has(name))) return;
    this.notUnderstood.push({ line: command.line, text: command.raw });
  }

  #times(): number {
    return Math.min(
      MOST_AT_ONCE,
      this.#loops.reduce((product, n) => product * n, 1),
    );
  }

  #timesOf(names: readonly (string | null)[]): number {
    const list = names.slice(names.indexOf('in') + 1);
    if (names.indexOf('in') < 0 || list.length === 0 || list.includes(null)) return 1;
    const range = list.length === 1 ? /^\{(\d{1,4})\.\.(\d{1,4})\}$/.exec(list[0] ?? '') : null;
    return range === null ? list.length : Math.abs(Number(range[2]) - Number(range[1])) + 1;
  }

  #assign(word: Word): boolean {
    const [first, ...rest] = word;
    const found = first?.kind === 'text' ? /^([A-Za-z_]\w*)=([\s\S]*)$/.exec(first.text) : null;
    if (found?.[1] === undefined) return false;
    this.variables.set(found[1], [{ kind: 'text', text: found[2] ?? '' }, ...rest]);
    return true;
  }

  #linode(command: SimpleCommand, words: readonly Word[], depth: number): void {
    const { options, positional } = this.#arguments(words);
    const [area, verb, ...rest] = positional.map((w) => literal(this.variables.value(w)));
    const line = command.line;
    if (area === 'linodes' && verb === 'create') {
      this.create ??= { line, options };
      this.creates += this.#times();
      this.handled.push(line);
    } else if (area === 'linodes' && (verb === 'delete' || verb === 'rm')) {
      this.deletes += this.#times();
      this.handled.push(line);
    } else if (area === 'nodebalancers' && verb === 'node-create') {
      const at = trailing(this.variables.value(options.get('address') ?? []));
      const port = Number(/:(\d{1,5})$/.exec(at)?.[1] ?? Number.NaN);
      const weight = Number(literal(this.variables.value(options.get('weight') ?? [])) ?? '');
      this.register ??= {
        line,
        nodebalancer: rest[0] ?? null,
        config: rest[1] ?? null,
        port: port >= 1 && port <= 65_535 ? port : null,
        weight: weight >= 1 && weight <= 255 ? weight : null,
      };
      this.handled.push(line);
    } else if (area === 'nodebalancers' && verb === 'node-delete') {
      this.handled.push(line);
    } else if (!(verb === 'list' || verb === 'ls' || verb === 'view' || verb === 'ips-list' || verb === 'nodes-list' || verb === 'configs-list') && depth < 5) {
      this.notUnderstood.push({ line, text: command.raw });
    }
  }

  #arguments(words: readonly Word[]): { options: Map<string, Word>; positional: Word[] } {
    const options = new Map<string, Word>();
    const positional: Word[] = [];
    for (let i = 0; i < words.length; i++) {
      const word = words[i] as Word;
      const [first, ...rest] = word;
      const flag = first?.kind === 'text' ? /^--([A-Za-z][\w.-]*)(=([\s\S]*))?$/.exec(first.text) : null;
      if (flag?.[1] === undefined) {
        positional.push(word);
        continue;
      }
      const name = flag[1].replace(/-/g, '_');
      const given: Word | undefined =
        flag[2] !== undefined ? [{ kind: 'text', text: flag[3] ?? '' }, ...rest] : NO_ARGUMENT.has(name) ? [] : (words[++i] as Word | undefined);
      const before = options.get(name);
      // Given several times, it is a list.
      options.set(name, before === undefined ? (given ?? []) : [...before, { kind: 'text', text: ',' }, ...(given ?? [])]);
    }
    return { options, positional };
  }
}

/** Start of the label, without the sign before the random part. */
export function labelPrefix(facts: ScriptFacts): string | null {
  const word = facts.create?.options.get('label');
  if (word === undefined) return null;
  const prefix = leading(facts.variables.value(word))
    .toLowerCase()
    .replace(/[^a-z0-9-]+/g, '-')
    .replace(/^[^a-z]+|-+$/g, '')
    .slice(0, 38)
    .replace(/-+$/, '');
  return prefix === '' ? null : prefix;
}
