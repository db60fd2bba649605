import { missing, type Reading, type ReadingValue } from '../../../core/model/reading.ts';
import { durationMs } from '../../../kit/duration-text.ts';
import type { DriverPorts } from '../../../ports/driver.ts';
import { asDriverError, DriverError } from '../../../ports/errors.ts';
import type { Source } from '../../../ports/source.ts';
import { openClient, type PrometheusClient } from './client.ts';
import type { PrometheusOptions, PrometheusQuery } from './options.ts';
import { defaultFreshness } from './promql.ts';
import { MAX_POINTS, readingOf, readingsOf } from './translate.ts';

/** Points one readRange may ask for, over all its calls. */
const MAX_RANGE_POINTS = 110_000;
/** Points in the window that are looked at for coverage. */
const COVERAGE_POINTS = 10;
/** A sample may lie this far ahead before it is called one of the future: clocks differ. */
const FUTURE_TOLERANCE_MS = 5000;

export function openPrometheus(options: PrometheusOptions, ports: DriverPorts): Source<PrometheusQuery> {
  const client = openClient(options, ports);
  return {
    async read(query, signal) {
      try {
        return await read(client, query, signal, () => ports.clock.wall());
      } catch (e) {
        return missing('source-error', asDriverError(e).message, ports.clock.wall());
      }
    },
    readRange: (query, range, signal) => readRange(client, typeof query === 'string' ? query : query.query, range, signal),
  };
}

async function read(client: PrometheusClient, asked: PrometheusQuery, signal: AbortSignal, nowMs: () => number): Promise<Reading> {
  const query = typeof asked === 'string' ? { query: asked } : asked;
  const answer = await client.instant(query.query, signal);
  const reading = readingOf(answer, nowMs());
  if (reading.kind === 'missing') return reading;
  const window = answer.data.resultType === 'vector' ? query.window : undefined;
  const [aged, coverage] = await Promise.all([
    withAge(client, reading, query, signal, nowMs),
    window === undefined ? 1 : readCoverage(client, query.query, durationMs(window), signal),
  ]);
  return aged.kind === 'value' ? { ...aged, coverage } : aged;
}

/** An age that was asked for and cannot be told makes the value unusable; one that we thought of ourselves only stays unknown. */
async function withAge(
  client: PrometheusClient,
  reading: ReadingValue,
  query: { readonly query: string; readonly freshness?: string | undefined },
  signal: AbortSignal,
  nowMs: () => number,
): Promise<Reading> {
  const own = query.freshness === undefined;
  const freshness = query.freshness ?? defaultFreshness(query.query);
  if (freshness === null) return reading;
  const age = await client.instant(freshness, signal).then(
    (answer) => readingOf(answer, nowMs()),
    (e: unknown) => missing('source-error', asDriverError(e).message, nowMs()),
  );
  if (age.kind === 'missing') return own ? reading : missing(age.reason === 'source-error' ? 'source-error' : 'stale', `freshness: ${age.detail}`, nowMs());
  const ageMs = age.value * 1000;
  if (ageMs < -FUTURE_TOLERANCE_MS) return missing('future', `the newest sample lies ${Math.round(-age.value)} s in the future`, nowMs());
  // By our own clock, so that a server whose clock is wrong does not make its values old or new.
  return { ...reading, atMs: Math.round(nowMs() - Math.max(0, ageMs)), ageMs: Math.max(0, Math.round(ageMs)) };
}

/** Share of instants in the window at which the query had an answer. A failure counts as none: what cannot be shown does not cover. */
async function readCoverage(client: PrometheusClient, query: string, windowMs: number, signal: AbortSignal): Promise<number> {
  const stepMs = Math.max(1000, Math.round(windowMs / COVERAGE_POINTS));
  try {
    const counted = readingOf(await client.instant(`count_over_time((${query}\n)[${windowMs}ms:${stepMs}ms])`, signal), 0);
    return counted.kind === 'value' ? Math.min(1, Math.max(0, counted.value / Math.max(1, Math.floor(windowMs / stepMs)))) : 0;
  } catch {
    return 0;
  }
}

async function readRange(
  client: PrometheusClient,
  query: string,
  range: { readonly fromMs: number; readonly toMs: number; readonly stepMs: number },
  signal: AbortSignal,
): Promise<readonly Reading[]> {
  const { fromMs, toMs, stepMs } = range;
  const count = Math.floor((toMs - fromMs) / stepMs) + 1;
  if (!(stepMs >= 1) || !(count >= 1)) throw new DriverError('bad-request', 'a range needs a step of at least 1 ms and an end that is not before its start');
  if (count > MAX_RANGE_POINTS)
    throw new DriverError('bad-request', `the range has ${count} points; at most ${MAX_RANGE_POINTS} can be asked for: choose a longer step`);
  const readings: Reading[] = [];
  for (let done = 0; done < count; done += MAX_POINTS) {
    const grid = { fromMs: fromMs + done * stepMs, stepMs, count: Math.min(MAX_POINTS, count - done) };
    readings.push(...(await readPart(client, query, grid, signal)));
  }
  return readings;
}

async function readPart(
  client: PrometheusClient,
  query: string,
  grid: { readonly fromMs: number; readonly stepMs: number; readonly count: number },
  signal: AbortSignal,
): Promise<Reading[]> {
  try {
    const toMs = grid.fromMs + (grid.count - 1) * grid.stepMs;
    return readingsOf(await client.range(query, { fromMs: grid.fromMs, toMs, stepMs: grid.stepMs }, signal), grid);
  } catch (e) {
    const detail = asDriverError(e).message;
    return Array.from({ length: grid.count }, (_, i) => missing('source-error', detail, grid.fromMs + i * grid.stepMs));
  }
}
