/** One line of the story: what somebody believed, or what was true. */
export interface StoryLine {
  readonly atMs: number;
  readonly side: 'believed' | 'true';
  readonly text: string;
}

/** Most lines kept: the end of a story explains its violation. */
const STORY_LINES = 20_000;

/**
 * The order of everything that happened, as a hash: two runs of one seed must agree on it. The lines themselves are kept only when
 * somebody wants to read them. FNV-1a, 2 × 32 bits.
 */
export class Trace {
  readonly keeps: boolean;
  readonly story: StoryLine[] = [];
  events = 0;
  #a = 0x811c9dc5;
  #b = 0x01000193;

  constructor(keeps: boolean) {
    this.keeps = keeps;
  }

  mix(atMs: number, what: string, more = ''): void {
    this.events++;
    let [a, b] = [this.#a ^ (atMs | 0), this.#b];
    for (let i = 0; i < what.length; i++) a = Math.imul(a ^ what.charCodeAt(i), 0x01000193);
    for (let i = 0; i < more.length; i++) a = Math.imul(a ^ more.charCodeAt(i), 0x01000193);
    b = Math.imul(b ^ a, 0x85ebca6b);
    this.#a = a;
    this.#b = (b ^ (b >>> 13)) >>> 0;
  }

  note(atMs: number, side: StoryLine['side'], text: string): void {
    if (!this.keeps) return;
    this.story.push({ atMs, side, text });
    if (this.story.length > STORY_LINES) this.story.splice(0, STORY_LINES / 4);
  }

  get hash(): string {
    return (this.#a >>> 0).toString(16).padStart(8, '0') + (this.#b >>> 0).toString(16).padStart(8, '0');
  }
}

/** The story in two columns: what we believed, what was true. */
export function twoColumns(story: readonly StoryLine[], width: number): string {
  const half = Math.max(40, Math.floor((width - 14) / 2));
  const rows = [`${'time'.padEnd(12)}${'WE BELIEVED'.padEnd(half)}  WHAT WAS TRUE`, `${'─'.repeat(10)}  ${'─'.repeat(half)}  ${'─'.repeat(half)}`];
  for (const line of story) {
    const at = `${(line.atMs / 1000).toFixed(3)} s`.padStart(10);
    const parts = wrap(line.text, half);
    parts.forEach((part, i) => {
      const time = i === 0 ? at : ' '.repeat(10);
      rows.push(line.side === 'believed' ? `${time}  ${part}` : `${time}  ${' '.repeat(half)}  ${part}`);
    });
  }
  return rows.join('\n');
}

function wrap(text: string, width: number): string[] {
  const parts: string[] = [];
  for (let i = 0; i < text.length && parts.length < 6; i += width) parts.push(text.slice(i, i + width));
  return parts.length === 0 ? [''] : parts;
}
