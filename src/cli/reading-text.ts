import type { Reply } from '../api/contract.ts';
import { formatDuration, formatNumber } from '../app/cli-parts.ts';
import type { Context } from './context.ts';
import type { Cell } from './table.ts';

export type Reading = Reply<'metric'>['reading'];

/** Name, value, age, and what is wrong or not known. Missing is never zero. */
export function readingRow(ctx: Context, name: string, r: Reading): (Cell | string)[] {
  if (r.kind === 'missing') {
    return [
      name,
      { text: 'missing', colour: 'red' },
      `${formatDuration(Math.max(0, ctx.clock.wall() - Date.parse(r.at)))}`,
      `${r.missing ?? ''}: ${r.detail ?? ''}`,
    ];
  }
  return [name, formatNumber(r.value ?? Number.NaN), r.age_s === null ? 'unknown' : formatDuration(r.age_s * 1000), remark(r)];
}

export function remark(r: Reading): string {
  const parts = [
    r.partial ? 'partial: never shrinks on it' : '',
    r.coverage !== null && r.coverage < 1 ? `covers ${Math.round(r.coverage * 100)} % of its window` : '',
    r.kind === 'value' && r.age_s === null ? 'the source cannot tell how old it is' : '',
  ];
  return parts.filter((p) => p !== '').join(', ');
}
