/** A tolerant reader of shell scripts: the words of each simple command, with what is literal in them and what is not. It runs nothing and never fails. */

export type Part =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'variable'; readonly name: string }
  /** `$(…)` or backticks. */
  | { readonly kind: 'substitution'; readonly text: string; readonly line: number };
export type Word = readonly Part[];

export interface SimpleCommand {
  /** From 1. */
  readonly line: number;
  readonly words: readonly Word[];
  /** As it stands there, on one line. */
  readonly raw: string;
  /** What ended it. */
  readonly end: '|' | ';';
}

const MOST_COMMANDS = 5_000;

export function shellCommands(text: string, firstLine = 1): readonly SimpleCommand[] {
  return new Reader(text, firstLine).commands();
}

class Reader {
  readonly #text: string;
  #at = 0;
  #line: number;
  /** Words that end the here-documents begun on this line. */
  #heredocs: string[] = [];

  constructor(text: string, line: number) {
    this.#text = text.replace(/\r\n?/g, '\n');
    this.#line = line;
  }

  commands(): readonly SimpleCommand[] {
    const found: SimpleCommand[] = [];
    while (this.#at < this.#text.length && found.length < MOST_COMMANDS) {
      const command = this.#command();
      if (command.words.length > 0) found.push(command);
    }
    return found;
  }

  #command(): SimpleCommand {
    const words: Word[] = [];
    this.#blanks();
    const [start, line] = [this.#at, this.#line];
    let redirect = false;
    let stop: number | null = null;
    let end: SimpleCommand['end'] = ';';
    for (;;) {
      this.#blanks();
      const c = this.#text[this.#at];
      if (c === undefined) break;
      if (c === '#') {
        stop ??= this.#at;
        this.#skipTo('\n');
        continue;
      }
      if (';|&()\n'.includes(c)) {
        stop ??= this.#at;
        end = this.#separator(c);
        break;
      }
      const word = this.#word();
      const [first] = word;
      if (redirect) redirect = false;
      else if (word.length === 1 && first?.kind === 'text' && /^\d*(?:>>?|<)&?$/.test(first.text)) redirect = true;
      else if (!(first?.kind === 'text' && /^\d*[<>]/.test(first.text))) words.push(word);
    }
    const raw = this.#text
      .slice(start, stop ?? this.#at)
      .replace(/\\\n/g, ' ')
      .replace(/\s+/g, ' ')
      .trim();
    return { line, words, raw, end };
  }

  #separator(c: string): SimpleCommand['end'] {
    this.#at++;
    if (c === '\n') this.#newline();
    const doubled = this.#text[this.#at] === c && (c === '|' || c === '&' || c === ';');
    if (doubled) this.#at++;
    return c === '|' && !doubled ? '|' : ';';
  }

  #newline(): void {
    this.#line++;
    for (const end of this.#heredocs.splice(0)) {
      while (this.#at < this.#text.length) {
        const stop = this.#text.indexOf('\n', this.#at);
        const row = this.#text.slice(this.#at, stop < 0 ? undefined : stop);
        this.#at = stop < 0 ? this.#text.length : stop + 1;
        this.#line++;
        if (row.trim() === end) break;
      }
    }
  }

  #blanks(): void {
    for (;;) {
      const c = this.#text[this.#at];
      if (c === ' ' || c === '\t') this.#at++;
      else if (c === '\\' && this.#text[this.#at + 1] === '\n') {
        this.#at += 2;
        this.#line++;
      } else return;
    }
  }

  #word(): Word {
    const parts: Part[] = [];
    const put = (text: string): void => {
      const last = parts.at(-1);
      if (last?.kind === 'text') parts[parts.length - 1] = { kind: 'text', text: last.text + text };
      else parts.push({ kind: 'text', text });
    };
    let quoted = false;
    for (;;) {
      const c = this.#text[this.#at];
      if (c === undefined || (!quoted && ' \t\n;|()'.includes(c)) || (!quoted && c === '&' && !/[<>]$/.test(textOf(parts)))) break;
      if (c === '"') {
        quoted = !quoted;
        this.#at++;
        put('');
      } else if (c === "'" && !quoted) {
        put(this.#until("'"));
      } else if (c === '\\') {
        this.#escape(put, quoted);
      } else if (c === '$' || c === '`') {
        const part = this.#dollar(c);
        if (part.kind === 'text') put(part.text);
        else parts.push(part);
      } else {
        if (c === '\n') this.#line++;
        put(c);
        this.#at++;
        if (!quoted && c === '<' && this.#text[this.#at - 2] === '<') this.#heredoc();
      }
    }
    return parts;
  }

  #escape(put: (text: string) => void, quoted: boolean): void {
    const next = this.#text[this.#at + 1] ?? '';
    this.#at += 2;
    if (next === '\n') this.#line++;
    else put(quoted && !'$`"\\'.includes(next) ? `\\${next}` : next);
  }

  #heredoc(): void {
    const found = /^-?[ \t]*(["']?)([A-Za-z0-9_]+)\1/.exec(this.#text.slice(this.#at, this.#at + 200));
    if (found?.[2] === undefined) return;
    this.#at += found[0].length;
    this.#heredocs.push(found[2]);
  }

  #dollar(c: string): Part {
    const rest = this.#text.slice(this.#at, this.#at + 300);
    const name = /^\$(?:([A-Za-z_]\w*|[0-9@*#?!$-])|\{([A-Za-z_]\w*|[0-9@*#?])[^}\n]*\})/.exec(rest);
    if (name !== null) {
      this.#at += name[0].length;
      return { kind: 'variable', name: name[1] ?? name[2] ?? '' };
    }
    const line = this.#line;
    if (c === '`') return { kind: 'substitution', text: this.#until('`'), line };
    if (rest.startsWith('$(')) {
      this.#at += 2;
      return { kind: 'substitution', text: this.#balanced(), line };
    }
    this.#at++;
    return { kind: 'text', text: c };
  }

  /** To the bracket that closes, quotes and inner brackets skipped. */
  #balanced(): string {
    const start = this.#at;
    let depth = 1;
    let quote = '';
    for (; this.#at < this.#text.length; this.#at++) {
      const c = this.#text[this.#at] as string;
      if (c === '\n') this.#line++;
      if (c === '\\') this.#at++;
      else if (quote !== '') quote = c === quote ? '' : quote;
      else if (c === '"' || c === "'") quote = c;
      else if (c === '(') depth++;
      else if (c === ')' && --depth === 0) return this.#text.slice(start, this.#at++);
    }
    return this.#text.slice(start);
  }

  /** What stands between this character and the next of its kind. */
  #until(mark: string): string {
    const start = this.#at + 1;
    const stop = this.#text.indexOf(mark, start);
    const inside = this.#text.slice(start, stop < 0 ? undefined : stop);
    this.#at = stop < 0 ? this.#text.length : stop + 1;
    this.#line += inside.split('\n').length - 1;
    return inside;
  }

  #skipTo(mark: string): void {
    const stop = this.#text.indexOf(mark, this.#at);
    this.#at = stop < 0 ? this.#text.length : stop;
  }
}

function textOf(parts: readonly Part[]): string {
  const last = parts.at(-1);
  return last?.kind === 'text' ? last.text : '';
}
