/** Fenced blocks of a Markdown page, and the commands of a console block. */

export interface Block {
  /** First word after the fence; '' when there is none. */
  readonly language: string;
  /** `file=drover.yaml exit=3 within=20s`. */
  readonly attributes: ReadonlyMap<string, string>;
  readonly text: string;
  /** Line of the opening fence, from 1. */
  readonly line: number;
}

export interface Command {
  readonly text: string;
  /** Lines printed below it on the page; none: whatever it prints is fine. */
  readonly expected: readonly string[];
  /** Ends in ` &`: stays running to the end of the page. */
  readonly background: boolean;
}

const OPENING = /^(\s*)(`{3,}|~{3,})\s*(\S*)\s*(.*)$/;

function readAttributes(text: string): Map<string, string> {
  return new Map([...text.matchAll(/([\w-]+)=(?:"([^"]*)"|(\S+))/g)].map((match) => [match[1] ?? '', match[2] ?? match[3] ?? '']));
}

/** Throws when a fence is never closed: everything after it would silently not be checked. */
export function parseBlocks(page: string): Block[] {
  const lines = page.split('\n');
  const blocks: Block[] = [];
  for (let i = 0; i < lines.length; i++) {
    const open = OPENING.exec(lines[i] ?? '');
    if (open === null) continue;
    const [, indent = '', fence = '', language = '', rest = ''] = open;
    const closing = new RegExp(`^\\s*${fence[0]}{${fence.length},}\\s*$`);
    const end = lines.findIndex((line, at) => at > i && closing.test(line));
    if (end === -1) throw new Error(`line ${i + 1}: this block is never closed`);
    const body = lines.slice(i + 1, end).map((line) => (line.startsWith(indent) ? line.slice(indent.length) : line.trimStart()));
    blocks.push({ language, attributes: readAttributes(rest), text: `${body.join('\n')}\n`, line: i + 1 });
    i = end;
  }
  return blocks;
}

/** `$ ` starts a command; it goes on after `\` at the end of a line and on lines that start with `> ` (here-documents). */
export function parseCommands(text: string): Command[] {
  const commands: { text: string; expected: string[] }[] = [];
  for (const line of text.replace(/\n+$/, '').split('\n')) {
    const last = commands.at(-1);
    if (line.startsWith('$ ')) commands.push({ text: line.slice(2), expected: [] });
    else if (last === undefined) throw new Error(`a console block starts with "$ COMMAND", not with ${JSON.stringify(line)}`);
    else if (last.expected.length === 0 && (line.startsWith('> ') || line === '>')) last.text += `\n${line.slice(2)}`;
    else if (last.expected.length === 0 && last.text.endsWith('\\')) last.text += `\n${line}`;
    else last.expected.push(line);
  }
  return commands.map(({ text: command, expected }) => ({
    text: command.replace(/\s+&\s*$/, ''),
    expected: expected.some((line) => line.trim() !== '') ? expected : [],
    background: /\s&\s*$/.test(command),
  }));
}

function linePattern(line: string): RegExp {
  const pattern = line
    .trimEnd()
    .split(/(<[a-z][a-z0-9 _-]*>|…)/)
    .map((piece, at) => (at % 2 === 0 ? piece.replace(/[.*+?^${}()|[\]\\]/g, '\\$&') : piece === '…' ? '.*' : '.+?'));
  return new RegExp(`^${pattern.join('')}$`, 'u');
}

/**
 * Null when the output is as the page says, else the first line that differs. `<time>`, `<id>` and the like stand for anything of at least one
 * character, `…` for anything; a line of only `…` for any number of lines.
 */
export function compareOutput(expected: readonly string[], output: string): string | null {
  const actual = output.replace(/\s+$/, '').split('\n');
  const wanted = expected.join('\n').replace(/\s+$/, '').split('\n');
  const memory = new Map<string, string | null>();
  const from = (w: number, a: number): string | null => {
    const key = `${w}:${a}`;
    const known = memory.get(key);
    if (known !== undefined) return known;
    const result = step(w, a);
    memory.set(key, result);
    return result;
  };
  const step = (w: number, a: number): string | null => {
    const want = wanted[w];
    const got = actual[a];
    if (want === undefined) return got === undefined ? null : `prints more than the page shows: ${JSON.stringify(got)}`;
    if (want.trim() === '…') {
      const none = from(w + 1, a);
      return none === null || got === undefined ? none : from(w, a + 1);
    }
    if (got === undefined) return `does not print: ${JSON.stringify(want)}`;
    return linePattern(want).test(got.trimEnd()) ? from(w + 1, a + 1) : `the page shows ${JSON.stringify(want)}, it prints ${JSON.stringify(got)}`;
  };
  return from(0, 0);
}
