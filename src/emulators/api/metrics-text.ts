/** Prometheus' text format 0.0.4, as the emulators write it. */

/** Labels as they are written, `{a="b"}` or nothing, and the value; null: not known. */
export type MetricSample = readonly [labels: string, value: number | null];

export class MetricsText {
  readonly #lines: string[] = [];

  /** What is not known has no sample: it is not zero. */
  add(name: string, type: 'counter' | 'gauge', help: string, samples: readonly MetricSample[]): void {
    const known = samples.filter(([, value]) => value !== null);
    if (known.length > 0) this.#lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`, ...known.map(([labels, value]) => `${name}${labels} ${value}`));
  }

  /** Ends with a line feed: a page without one may have been cut. */
  toString(): string {
    return `${this.#lines.join('\n')}\n`;
  }
}

/** The value of a label, between its quotes. */
export function labelValue(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}
