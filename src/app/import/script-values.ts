import type { Word } from './shell-words.ts';

/** A word with its variables filled in as far as the script itself sets them; null stands for what only a run would tell. */
export type Value = readonly (string | null)[];

const DEEPEST = 10;

/** Variables of a script, by the last assignment before they are asked for. */
export class Variables {
  readonly #words = new Map<string, Word>();

  set(name: string, word: Word): void {
    this.#words.set(name, word);
  }

  value(word: Word, depth = 0): Value {
    return word.flatMap((part): Value => {
      if (part.kind === 'text') return [part.text];
      const set = part.kind === 'variable' && depth < DEEPEST ? this.#words.get(part.name) : undefined;
      return set === undefined ? [null] : this.value(set, depth + 1);
    });
  }

  /** Name of the one variable that a word consists of and that the script does not set: it comes from the environment. */
  fromOutside(word: Word, depth = 0): string | null {
    const parts = word.filter((p) => p.kind !== 'text' || p.text !== '');
    const [part] = parts;
    if (parts.length !== 1 || part?.kind !== 'variable' || depth > DEEPEST || !/^[A-Za-z_]/.test(part.name)) return null;
    const set = this.#words.get(part.name);
    return set === undefined ? part.name : this.fromOutside(set, depth + 1);
  }
}

/** The text where all of it is known. */
export function literal(value: Value): string | null {
  return value.includes(null) ? null : value.join('');
}

/** What stands before the first unknown part. */
export function leading(value: Value): string {
  const stop = value.indexOf(null);
  return value.slice(0, stop < 0 ? undefined : stop).join('');
}

/** What stands after the last unknown part. */
export function trailing(value: Value): string {
  return value.slice(value.lastIndexOf(null) + 1).join('');
}
