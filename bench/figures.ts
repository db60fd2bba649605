/** What a bench hands back, and how it is printed. */

export interface Row {
  readonly what: string;
  readonly value: number | string | null;
  readonly unit: string;
  /** The aim in words, and whether this run met it. */
  readonly aim?: { readonly text: string; readonly met: boolean };
}

export interface BenchResult {
  readonly bench: string;
  /** One line: what was measured. */
  readonly title: string;
  readonly rows: readonly Row[];
  /** How to read the figures. */
  readonly notes: readonly string[];
  /** Programs of the machine that the bench needs and that are not there; what needed them was not measured. */
  readonly lacking: readonly string[];
  /** Everything measured, for programs. */
  readonly raw: unknown;
}

export function round(value: number, digits = 1): number {
  const by = 10 ** digits;
  return Math.round(value * by) / by;
}

/** The `share` quantile (0..1) by nearest rank; null of nothing. */
export function quantile(values: readonly number[], share: number): number | null {
  if (values.length === 0) return null;
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(share * sorted.length) - 1))] ?? null;
}

export function median(values: readonly number[]): number | null {
  if (values.length === 0) return null;
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? (sorted[middle] ?? null) : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2;
}

function shown(row: Row): string {
  if (row.value === null) return '–';
  const value = typeof row.value === 'number' ? row.value.toLocaleString('en-US', { maximumFractionDigits: 2 }) : row.value;
  return row.unit === '' ? value : `${value} ${row.unit}`;
}

export function asText(result: BenchResult): string {
  const lines = [`── ${result.bench}: ${result.title}`];
  const width = Math.max(0, ...result.rows.map((row) => row.what.length));
  const wide = Math.max(0, ...result.rows.map((row) => shown(row).length));
  for (const row of result.rows) {
    const aim = row.aim === undefined ? '' : `   aim ${row.aim.text}: ${row.aim.met ? 'met' : 'MISSED'}`;
    lines.push(`   ${row.what.padEnd(width)}  ${shown(row).padStart(wide)}${aim}`);
  }
  for (const lack of result.lacking) lines.push(`   not measured: ${lack} is not installed`);
  for (const note of result.notes) lines.push(`   ${note}`);
  return `${lines.join('\n')}\n`;
}
