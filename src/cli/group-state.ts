import type { Reply } from '../api/contract.ts';
import type { Context } from './context.ts';
import { quoted } from './context.ts';
import type { Colour } from './text.ts';

export type Status = Reply<'fleet'>['groups'][number];

/** Shape first, then the word, then the colour: each alone tells the state. */
const LOOKS: Readonly<Record<Status['state'], readonly [glyph: string, colour: Colour]>> = {
  holding: ['●', 'green'],
  out: ['▲', 'blue'],
  in: ['▽', 'blue'],
  starting: ['▲', 'blue'],
  blocked: ['■', 'red'],
  frozen: ['■', 'red'],
  blind: ['?', 'red'],
  paused: ['‖', 'yellow'],
  observing: ['◌', 'dim'],
  unmanaged: ['◌', 'dim'],
};

export function glyphOf(state: Status['state']): { readonly text: string; readonly colour: Colour } {
  const [text, colour] = LOOKS[state] ?? ['?', 'dim'];
  return { text, colour };
}

/** What a group is doing: what needs somebody first, then a pause, then the sentence of its newest decision. */
export function doing(ctx: Context, s: Status): string {
  if (s.problem !== null) return s.problem;
  if (s.state === 'paused' && s.pause !== null) return pauseText(ctx, s.pause);
  return s.sentence;
}

export function pauseText(ctx: Context, pause: NonNullable<Status['pause']>): string {
  const until = pause.until === null ? 'until resumed' : `until ${ctx.time(pause.until)}`;
  return `paused by ${pause.by} ${until}${pause.reason === null ? '' : `, ${quoted(pause.reason)}`}`;
}

/** 5.8, 12, `-` where no policy has arithmetic. */
export function demandText(demand: number | null): string {
  return demand === null ? '-' : String(Math.round(demand * 10) / 10);
}

/** What has to end before anything is done to a group; null: nothing. */
export function heldBy(ctx: Context, s: Status): string | null {
  if (s.state === 'frozen') return `once it is unfrozen (${s.problem ?? 'frozen'})`;
  return s.pause === null ? null : `once it is resumed (${pauseText(ctx, s.pause)})`;
}
