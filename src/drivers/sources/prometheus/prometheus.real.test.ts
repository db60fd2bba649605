import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Daemon, freePort, until } from '../../../../test/support/daemon.ts';
import { answer, type HttpBench, openHttpBench } from '../../../../test/support/http-bench.ts';
import { spawnPrometheus } from '../../../../test/support/monitoring-daemons.ts';
import { realPorts } from '../../../../test/support/ports.ts';
import { describeWith } from '../../../../test/support/real.ts';
import type { Reading } from '../../../core/model/reading.ts';
import type { Source } from '../../../ports/source.ts';
import { manifest } from './driver.ts';
import type { PrometheusQuery } from './options.ts';

const never = new AbortController().signal;

describeWith(['prometheus'], 'prometheus source with a real Prometheus', () => {
  let exporter: HttpBench;
  let daemon: Daemon;
  let source: Source<PrometheusQuery>;
  const read = (query: PrometheusQuery): Promise<Reading> => source.read(query, never);
  const page = ['load{host="a"} 3', 'load{host="b"} 4', 'busy_total 10', 'not_a_number NaN', 'endless +Inf', ''].join('\n');

  beforeAll(async () => {
    exporter = await openHttpBench();
    await exporter.handle(answer(200, page, { 'content-type': 'text/plain; version=0.0.4' }));
    const dir = mkdtempSync(join(tmpdir(), 'drover-prom-'));
    const port = await freePort();
    writeFileSync(
      join(dir, 'prometheus.yml'),
      `global: { scrape_interval: 1s, scrape_timeout: 900ms }\nscrape_configs:\n  - job_name: app\n    static_configs: [{ targets: ['${new URL(exporter.url).host}'] }]\n`,
    );
    daemon = spawnPrometheus(dir, join(dir, 'prometheus.yml'), port);
    source = await manifest.open(manifest.options.parse({ url: `http://127.0.0.1:${port}`, timeout: '10s' }), realPorts());
    await until('the first scrape', async () => {
      const reading = await read('sum(load)');
      return reading.kind === 'value' && reading.value === 7;
    });
  });
  afterAll(async () => {
    await daemon?.stop();
    await exporter?.close();
  });

  it('reads a value and, of plain selectors, its age', async () => {
    const reading = await read('sum(load)');
    expect(reading).toMatchObject({ kind: 'value', value: 7, coverage: 1 });
    expect(reading.kind === 'value' && reading.ageMs !== null && reading.ageMs >= 0 && reading.ageMs < 10_000).toBe(true);
    expect(await read('load{host="b"}')).toMatchObject({ kind: 'value', value: 4, ageMs: expect.any(Number) });
    expect(await read('sum(load) * 2')).toMatchObject({ kind: 'value', value: 14, ageMs: null });
    expect(await read('scalar(sum(load))')).toMatchObject({ kind: 'value', value: 7 });
  });

  it.each<[string, string]>([
    ['nosuch', 'empty'],
    ['sum(nosuch)', 'empty'],
    ['scalar(nosuch)', 'nan'],
    ['vector(0)/0', 'nan'],
    ['1/0', 'nan'],
    ['not_a_number', 'nan'],
    ['sum(endless)', 'nan'],
    ['load', 'multiple-series'],
    ['sum by (host) (load)', 'multiple-series'],
    ['load{host="a"}[1m]', 'source-error'],
    ['"text"', 'source-error'],
    ['sum(', 'source-error'],
    ['load + on() load', 'source-error'],
  ])('%s is missing: %s', async (query, reason) => {
    expect(await read(query)).toMatchObject({ kind: 'missing', reason });
  });

  it('gives the words of Prometheus for a wrong query', async () => {
    expect(await read('sum(')).toMatchObject({ detail: expect.stringMatching(/answered 400: bad_data: .*parse error/) });
    expect(await read('load + on() load')).toMatchObject({ detail: expect.stringMatching(/answered 422: execution: /) });
  });

  it('shows why "or vector(0)" is warned of: an outage reads as 0', async () => {
    expect(await read('sum(nosuch) or vector(0)')).toMatchObject({ kind: 'value', value: 0 });
  });

  it('takes a freshness query and measures coverage: a young server covers little of an hour', async () => {
    const reading = await read({ query: 'sum(load) * 1', freshness: 'time() - max(timestamp(load))', window: '1h' });
    expect(reading).toMatchObject({ kind: 'value', value: 7, ageMs: expect.any(Number) });
    expect(reading.kind === 'value' && reading.coverage).toBeLessThan(0.5);
    await until('two seconds of samples', async () => {
      const short = await read({ query: 'sum(load)', window: '2s' });
      return short.kind === 'value' && short.coverage === 1;
    });
  });

  it('reads a range: missing before the first sample, values after it', async () => {
    const toMs = Date.now();
    const readings = (await source.readRange?.('sum(load)', { fromMs: toMs - 600_000, toMs, stepMs: 1000 }, never)) ?? [];
    expect(readings).toHaveLength(601);
    expect(readings[0]).toMatchObject({ kind: 'missing', reason: 'empty', atMs: toMs - 600_000 });
    expect(readings.at(-1)).toMatchObject({ kind: 'value', value: 7, atMs: toMs });
  });

  it('reads more points than one call may ask for', async () => {
    const toMs = Date.now();
    const readings = (await source.readRange?.('sum(load)', { fromMs: toMs - 12_000_000, toMs, stepMs: 1000 }, never)) ?? [];
    expect(readings).toHaveLength(12_001);
    expect(readings.at(-1)).toMatchObject({ kind: 'value', value: 7 });
    expect(readings.every((r) => r.kind === 'value' || r.reason === 'empty')).toBe(true);
  });

  it('says empty, not zero, soon after the target has disappeared', async () => {
    await exporter.down();
    const reading = await until('the series to go stale', async () => {
      const now = await read('sum(load)');
      return now.kind === 'missing' ? now : null;
    });
    expect(reading.reason).toBe('empty');
    expect(await read('sum(up)')).toMatchObject({ kind: 'value', value: 0 });
  });

  it('says source-error when Prometheus itself is gone', async () => {
    await daemon.stop();
    expect(await read('sum(load)')).toMatchObject({ kind: 'missing', reason: 'source-error' });
  });
});
