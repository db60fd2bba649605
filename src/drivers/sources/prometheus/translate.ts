import { missing, type Reading } from '../../../core/model/reading.ts';
import { parseNumber } from '../../../kit/prometheus-text.ts';
import type { PrometheusAnswer } from './replies.ts';

/** Evaluation points of one range call; the server refuses more. */
export const MAX_POINTS = 11_000;

/** The one value of an instant query. Its time and age are not in the answer: the timestamp there is the time of evaluation. */
export function readingOf(answer: PrometheusAnswer, nowMs: number): Reading {
  const { data } = answer;
  if (data.resultType === 'string') return missing('source-error', 'the query gives a text, not a number', nowMs);
  if (data.resultType === 'matrix')
    return missing('source-error', 'the query gives a range of values; put rate(…), avg_over_time(…) or the like around it', nowMs);
  if (data.resultType === 'scalar') return singleValue(data.result[1], answer, nowMs);
  const [series, ...more] = data.result;
  if (series === undefined) return missing('empty', 'the query found no series: the target is down, or the name or a label is wrong', nowMs);
  if (more.length > 0) return several(data.result.length, nowMs);
  if (series.value === undefined)
    return missing('source-error', 'the query gives a native histogram; put histogram_quantile(…) or histogram_sum(…) around it', nowMs);
  return singleValue(series.value[1], answer, nowMs);
}

/** One reading for each step from `fromMs`, oldest first. */
export function readingsOf(answer: PrometheusAnswer, grid: { readonly fromMs: number; readonly stepMs: number; readonly count: number }): Reading[] {
  const atMs = (i: number) => grid.fromMs + i * grid.stepMs;
  const all = (make: (atMs: number) => Reading) => Array.from({ length: grid.count }, (_, i) => make(atMs(i)));
  if (answer.data.resultType !== 'matrix') return all((at) => missing('source-error', 'the answer holds no range of values', at));
  const { result } = answer.data;
  if (result.length > 1) return all((at) => several(result.length, at));
  const series = result[0];
  if (series !== undefined && series.values === undefined) return all((at) => missing('source-error', 'the query gives a native histogram', at));
  const readings: (Reading | undefined)[] = new Array(grid.count).fill(undefined);
  for (const [seconds, text] of series?.values ?? []) {
    const i = Math.round((seconds * 1000 - grid.fromMs) / grid.stepMs);
    if (i >= 0 && i < grid.count) readings[i] = singleValue(text, answer, atMs(i));
  }
  return readings.map((reading, i) => reading ?? missing('empty', 'the query had no answer at this time', atMs(i)));
}

function singleValue(text: string, answer: PrometheusAnswer, atMs: number): Reading {
  const value = parseNumber(text);
  if (value === null) return missing('source-error', 'Prometheus sent a value that is not a number in its format', atMs);
  if (!Number.isFinite(value)) return missing('nan', `the query gives ${text}: a division by zero, or a quantile without traffic`, atMs);
  const partial = (answer.warnings?.length ?? 0) > 0 || answer.isPartial === true;
  return { kind: 'value', value, atMs, ageMs: null, coverage: 1, ...(partial ? { partial } : {}) };
}

function several(count: number, atMs: number): Reading {
  return missing('multiple-series', `the query gives ${count} series and one is needed: put sum(…), avg(…) or max(…) around it, or name more labels`, atMs);
}
