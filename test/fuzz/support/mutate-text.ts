/** Changes to a text that know nothing of what it means: what transmission, editors and attackers do. */
import type { Draw } from './draw.ts';
import { oddText } from './words.ts';

function spanIn(draw: Draw, text: string, longest: number): readonly [number, number] {
  const from = draw.below(text.length + 1);
  return [from, Math.min(text.length, from + draw.below(longest))];
}

type Change = (text: string, draw: Draw, other: string) => string;

const CHANGES: readonly Change[] = [
  (text, draw) => text.slice(0, draw.below(text.length + 1)),
  (text, draw) => {
    const [from, to] = spanIn(draw, text, 12);
    return text.slice(0, from) + text.slice(to);
  },
  (text, draw) => {
    const [from, to] = spanIn(draw, text, 40);
    return text.slice(0, to) + text.slice(from);
  },
  (text, draw) => {
    const at = draw.below(text.length + 1);
    return text.slice(0, at) + oddText(draw) + text.slice(at);
  },
  (text, draw) => {
    const at = draw.below(text.length);
    return text.slice(0, at) + String.fromCharCode(text.charCodeAt(at) ^ (1 << draw.below(7))) + text.slice(at + 1);
  },
  (text, draw) => {
    const lines = text.split('\n');
    const [i, j] = [draw.below(lines.length), draw.below(lines.length)];
    [lines[i], lines[j]] = [lines[j] as string, lines[i] as string];
    return lines.join('\n');
  },
  // A number for another one.
  (text, draw) => text.replace(/\d+/, () => draw.pick(['-1', '0', '1e400', '99999999999999999999', '0.0000001', '0x10', '١٢', '1e-400', '-0', '007'])),
  (text, draw) => text.replaceAll(/\d+/g, (found) => (draw.oneIn(6) ? draw.pick(['-1', 'NaN', '+Inf', '', '1e400', '9'.repeat(30), `${found}.5`]) : found)),
  // The beginning of one and the end of another.
  (text, draw, other) => text.slice(0, draw.below(text.length + 1)) + other.slice(draw.below(other.length + 1)),
];

/** One to three changes. `other`: a second text of the same kind. */
export function mutateText(text: string, draw: Draw, other = text): string {
  let out = text;
  for (let n = 1 + draw.few(2); n > 0; n--) out = draw.pick(CHANGES)(out, draw, other);
  return out;
}

/** Halves, quarters, … left out, then single characters: for shrinking. */
export function* smallerTexts(text: string): Generator<string> {
  for (let size = Math.ceil(text.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let at = 0; at < text.length; at += size) yield text.slice(0, at) + text.slice(at + size);
  }
}
