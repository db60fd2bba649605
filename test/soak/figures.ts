/** What a soak measures, what it must be, and the straight line through a row of samples. */

export interface Row {
  readonly what: string;
  readonly value: string;
  /** In words; null: only for the reader. */
  readonly must: string | null;
  readonly ok: boolean;
}

/** A moment (any unit) and what was measured then. */
export type Sample = readonly [at: number, value: number];

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  if (sorted.length === 0) return Number.NaN;
  return sorted.length % 2 === 1 ? (sorted[middle] as number) : ((sorted[middle - 1] as number) + (sorted[middle] as number)) / 2;
}

/** Slope of Theil and Sen: the median of the slopes of all pairs, which up to 29 % of wild samples cannot bend. Per unit of `at`. */
export function slopeOf(samples: readonly Sample[]): number {
  const slopes: number[] = [];
  for (const [i, [at, value]] of samples.entries()) {
    for (const [later, then] of samples.slice(i + 1)) if (later > at) slopes.push((then - value) / (later - at));
  }
  return median(slopes);
}

/** How much a row of samples grows over `span` units of `at`, as a share of its median: 0.01 is one percent. */
export function growthOf(samples: readonly Sample[], span: number): number {
  const level = median(samples.map(([, value]) => value));
  return level === 0 ? 0 : (slopeOf(samples) * span) / level;
}

export function atMost(what: string, value: number, most: number, unit: string, digits = 1): Row {
  return { what, value: shown(value, unit, digits), must: `≤ ${shown(most, unit, digits)}`, ok: value <= most };
}

export function told(what: string, value: number, unit: string, digits = 1): Row {
  return { what, value: shown(value, unit, digits), must: null, ok: true };
}

function shown(value: number, unit: string, digits: number): string {
  return `${value.toLocaleString('en-US', { maximumFractionDigits: digits })}${unit === '' ? '' : ` ${unit}`}`;
}

export function asText(title: string, rows: readonly Row[]): string {
  const [wide, deep] = [Math.max(...rows.map((r) => r.what.length)), Math.max(...rows.map((r) => r.value.length))];
  const lines = rows.map(
    ({ what, value, must, ok }) => `   ${what.padEnd(wide)}  ${value.padStart(deep)}${must === null ? '' : `   must be ${must}: ${ok ? 'yes' : 'NO'}`}`,
  );
  return `── ${title}\n${lines.join('\n')}\n`;
}
