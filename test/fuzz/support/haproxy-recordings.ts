/** HAProxy's answers as recorded from five versions (see transcripts.test.ts of the driver). */
import { readdirSync, readFileSync } from 'node:fs';

const TRANSCRIPTS = new URL('../../../src/drivers/balancers/haproxy/transcripts/', import.meta.url);
/** Longer lines stand as `@N`, N counted from the first of them. */
const LONG = 150;

/** `show servers`, `set server`, `add server`, … */
export function commandOf(line: string): string {
  return line.trim().split(/\s+/).slice(0, 2).join(' ');
}

function turnsOf(text: string): { readonly sent: string; readonly reply: string }[] {
  const known: string[] = [];
  const turns: { sent: string; lines: string[] }[] = [];
  for (const line of text.replace(/\n$/, '').split('\n').slice(1)) {
    const said = line.slice(2);
    if (line.startsWith('>')) turns.push({ sent: said, lines: [] });
    else turns.at(-1)?.lines.push(/^@\d+$/.test(said) ? (known[Number(said.slice(1))] ?? '') : said);
    if (line.startsWith('<') && said.length >= LONG) known.push(said);
  }
  return turns.map(({ sent, lines }) => ({ sent, reply: lines.join('\n') }));
}

const turns = readdirSync(TRANSCRIPTS).flatMap((name) => turnsOf(readFileSync(new URL(name, TRANSCRIPTS), 'utf8')));

/** Answers by command. */
export const RECORDED: ReadonlyMap<string, readonly string[]> = new Map(
  [...Map.groupBy(turns, (turn) => commandOf(turn.sent))].map(([command, all]) => [command, [...new Set(all.map((turn) => turn.reply))]]),
);
