import { missing, type Reading } from '../../../core/model/reading.ts';
import { readPointer } from '../../../kit/json-pointer.ts';
import { parseJson } from '../../../kit/parse-json.ts';
import { parseNumber, parsePrometheusText, type TextSample } from '../../../kit/prometheus-text.ts';
import type { HttpSourceQuery } from './options.ts';

type JsonQuery = Extract<HttpSourceQuery, { json_pointer: string }>;
type TextQuery = Extract<HttpSourceQuery, { prometheus_text: string }>;

/** The number in a JSON document. Null, text, truth values and whole objects are not numbers, and nothing becomes 0. */
export function readingOfJson(text: string, query: JsonQuery, nowMs: number): Reading {
  const parsed = parseJson(text);
  if (!parsed.ok) return missing('source-error', `the answer cannot be read: ${parsed.why}`, nowMs);
  const found = readPointer(parsed.value, query.json_pointer);
  const where = query.json_pointer === '' ? 'the answer' : query.json_pointer;
  if (found === undefined) return missing('absent', `the answer has nothing at ${where}`, nowMs);
  if (found === null) return missing('empty', `${where} is null`, nowMs);
  if (typeof found === 'number') return finite(found, where, null, nowMs);
  if (typeof found !== 'string') return missing('source-error', `${where} is ${Array.isArray(found) ? 'a list' : `a ${typeof found}`}, not a number`, nowMs);
  const value = parseNumber(found.trim());
  if (value === null) return missing('source-error', `${where} is a text that is not a number`, nowMs);
  if (query.allow_strings !== true) return missing('source-error', `${where} is a number written as text; set allow_strings: true to take it`, nowMs);
  return finite(value, where, null, nowMs);
}

/** The matching sample, or what `combine` makes of several. */
export function readingOfText(text: string, query: TextQuery, nowMs: number): Reading {
  const name = query.prometheus_text;
  const parsed = parsePrometheusText(text, name);
  if (!parsed.ok) return missing('source-error', parsed.why, nowMs);
  if (parsed.seen === 0) return missing('source-error', 'the answer holds no metric in the Prometheus text format', nowMs);
  const wanted = Object.entries(query.labels ?? {});
  const matching = parsed.samples.filter((sample) => wanted.every(([label, value]) => sample.labels.get(label) === value));
  if (matching.length === 0) {
    const why = parsed.samples.length === 0 ? `the page has no metric ${name}` : `none of the ${parsed.samples.length} samples of ${name} has these labels`;
    return missing('absent', why, nowMs);
  }
  if (matching.length > 1 && query.combine === undefined) {
    return missing(
      'multiple-series',
      `${matching.length} samples of ${name} match and one is needed: name more labels, or set combine: sum, avg, max or min`,
      nowMs,
    );
  }
  return finite(combine(matching, query.combine ?? 'sum'), name, ageOf(matching, nowMs), nowMs);
}

function combine(samples: readonly TextSample[], how: 'sum' | 'avg' | 'max' | 'min'): number {
  const values = samples.map((s) => s.value);
  // One unusable sample makes the whole unusable: Math.max and + keep NaN.
  if (how === 'max') return values.reduce((a, b) => Math.max(a, b));
  if (how === 'min') return values.reduce((a, b) => Math.min(a, b));
  const sum = values.reduce((a, b) => a + b);
  return how === 'sum' ? sum : sum / values.length;
}

/** Of the oldest sample; null unless the exporter wrote a time on every one. */
function ageOf(samples: readonly TextSample[], nowMs: number): number | null {
  let oldestMs = Number.POSITIVE_INFINITY;
  for (const { atMs } of samples) {
    if (atMs === null) return null;
    oldestMs = Math.min(oldestMs, atMs);
  }
  return nowMs - oldestMs;
}

/** A sample may lie this far ahead before it is called one of the future: clocks differ. */
const FUTURE_TOLERANCE_MS = 5000;

function finite(value: number, where: string, ageMs: number | null, nowMs: number): Reading {
  if (!Number.isFinite(value)) return missing('nan', `${where} is not a finite number`, nowMs);
  if (ageMs !== null && ageMs < -FUTURE_TOLERANCE_MS) return missing('future', `${where} has a time ${Math.round(-ageMs / 1000)} s in the future`, nowMs);
  const age = ageMs === null ? null : Math.max(0, ageMs);
  return { kind: 'value', value, atMs: nowMs - (age ?? 0), ageMs: age, coverage: 1 };
}
