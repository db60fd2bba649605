import { describe, expect, it } from 'vitest';
import { exporterText } from './exporter.ts';
import { Processors } from './processors.ts';

function samples(text: string): Map<string, number> {
  return new Map(
    text
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'))
      .map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ') + 1))]),
  );
}

describe('what a machine exports', () => {
  const make = (served: ReadonlyMap<number, number> | null, loadBytes = 0) => {
    let nowMs = 0;
    const processors = new Processors({ count: 2, workMs: 5, maxWaitMs: 1000, nowMs: () => nowMs });
    processors.setLoad(1);
    nowMs = 30_000;
    const facts = { name: 'web "1"', memoryMb: 1000, processors, loadBytes: () => loadBytes, load1: () => 1, served: () => served, bootedMs: 1000 };
    return samples(exporterText(facts));
  };

  it('adds up: the modes of each processor make the time it is up, and idle is what load leaves', () => {
    const seen = make(null);
    for (const cpu of [0, 1]) {
      const modes = [...seen].filter(([series]) => series.startsWith(`node_cpu_seconds_total{cpu="${cpu}"`));
      expect(modes).toHaveLength(8);
      expect(modes.reduce((sum, [, seconds]) => sum + seconds, 0)).toBeCloseTo(30, 6);
    }
    expect(seen.get('node_cpu_seconds_total{cpu="0",mode="idle"}')).toBe(0);
    expect(seen.get('node_cpu_seconds_total{cpu="1",mode="idle"}')).toBe(30);
  });

  it('has memory that load takes, up to all of it', () => {
    const share = (seen: Map<string, number>) => (seen.get('node_memory_Active_bytes') ?? 0) / (seen.get('node_memory_MemTotal_bytes') ?? 0);
    expect(share(make(null))).toBeCloseTo(0.1, 3);
    expect(share(make(null, 700 * 1024 * 1024))).toBeCloseTo(0.8, 3);
    const full = make(null, 5000 * 1024 * 1024);
    expect([share(full), full.get('node_memory_MemAvailable_bytes')]).toEqual([1, 0]);
  });

  it('says nothing of an application that is not there', () => {
    expect(make(null).has('app_threads')).toBe(false);
    const seen = make(new Map([[200, 7]]));
    expect([seen.get('http_requests_total{code="200"}'), seen.get('http_requests_total{code="503"}'), seen.get('app_threads')]).toEqual([7, 0, 8]);
    expect([...seen.keys()].find((series) => series.startsWith('node_uname_info'))).toContain('nodename="web \\"1\\""');
  });
});
