/** The Prometheus text exposition format 0.0.4 and its OpenMetrics relative, read leniently and within limits. */

export interface TextSample {
  readonly name: string;
  readonly labels: ReadonlyMap<string, string>;
  readonly value: number;
  /** Unix ms, where the exporter wrote one. */
  readonly atMs: number | null;
}

export type TextSamples =
  | { readonly ok: true; readonly samples: readonly TextSample[] /** Lines that held a sample of any name. */; readonly seen: number }
  | { readonly ok: false; readonly why: string };

// Sticky patterns that consume from one place only: no line, however hostile, makes them look at it twice.
const NAME = /[a-zA-Z_:][a-zA-Z0-9_:]*/y;
const LABEL = /[ \t]*([a-zA-Z_][a-zA-Z0-9_]*)[ \t]*=[ \t]*"((?:[^"\\]|\\.)*)"[ \t]*(,|(?=\}))/y;
const MAX_LINE_CHARS = 20_000;

/** Samples of one metric. A line of another metric may be anything; a broken line of this one is an error. */
export function parsePrometheusText(text: string, metric: string): TextSamples {
  const samples: TextSample[] = [];
  // The format ends every line with a line feed. Without the last one `12` may be the first half of `1234`, and more series may be missing.
  if (text !== '' && !text.endsWith('\n')) return { ok: false, why: 'the metrics page does not end with a line feed: it was cut off' };
  const openMetrics = /^# EOF\s*$/m.test(text.slice(-100));
  let seen = 0;
  for (const raw of text.split('\n')) {
    const line = raw.trim();
    if (line === '' || line.startsWith('#')) continue;
    if (line.length > MAX_LINE_CHARS) return { ok: false, why: `a line is longer than ${MAX_LINE_CHARS} characters` };
    const isOurs = line.startsWith(metric) && /^[\s{]/.test(line.slice(metric.length));
    if (!isOurs) {
      if (/^[a-zA-Z_:][a-zA-Z0-9_:]*[\s{]/.test(line)) seen++;
      continue;
    }
    const sample = parseSample(line, openMetrics);
    if (sample === null) return { ok: false, why: `a line of ${metric} is not in the Prometheus text format (perhaps cut off)` };
    seen++;
    samples.push(sample);
  }
  return { ok: true, samples, seen };
}

function parseSample(line: string, openMetrics: boolean): TextSample | null {
  NAME.lastIndex = 0;
  const name = NAME.exec(line)?.[0];
  if (name === undefined) return null;
  const rest = line.slice(name.length).trimStart();
  const block = rest.startsWith('{') ? parseLabels(rest) : { labels: new Map<string, string>(), end: 0 };
  if (block === null) return null;
  // An exemplar of OpenMetrics stands behind a #.
  const [valueText = '', timeText, ...more] = (rest.slice(block.end).split('#')[0] ?? '').trim().split(/[ \t]+/);
  const value = parseNumber(valueText);
  const time = timeText === undefined ? null : parseNumber(timeText);
  if (value === null || more.length > 0 || (timeText !== undefined && (time === null || !Number.isFinite(time)))) return null;
  // OpenMetrics writes seconds, the older format milliseconds.
  return { name, labels: block.labels, value, atMs: time === null ? null : Math.round(time * (openMetrics ? 1000 : 1)) };
}

/** The labels of a text that begins with `{`, and the index behind `}`. */
function parseLabels(text: string): { labels: Map<string, string>; end: number } | null {
  const labels = new Map<string, string>();
  let at = 1;
  while (text[at] !== '}') {
    LABEL.lastIndex = at;
    const match = LABEL.exec(text);
    if (match === null) return /^[ \t]*\}/.test(text.slice(at, at + 10)) ? { labels, end: text.indexOf('}', at) + 1 } : null;
    labels.set(
      match[1] ?? '',
      (match[2] ?? '').replace(/\\(.)/g, (_, c: string) => (c === 'n' ? '\n' : c)),
    );
    at = LABEL.lastIndex;
  }
  return { labels, end: at + 1 };
}

/** A number as Prometheus writes it: decimal, `NaN`, `+Inf`, `-Inf`; null when it is none. `Number()` alone reads "" as 0 and "+Inf" as NaN. */
export function parseNumber(text: string): number | null {
  if (/^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,4})?$/.test(text)) return Number(text);
  const word = text.toLowerCase();
  if (word === 'nan') return Number.NaN;
  if (word === '+inf' || word === 'inf') return Number.POSITIVE_INFINITY;
  return word === '-inf' ? Number.NEGATIVE_INFINITY : null;
}
