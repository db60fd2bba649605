import { spawnSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { expect, it } from 'vitest';
import { freePort, startDaemon, until } from '../../../test/support/daemon.ts';
import { describeWith, find } from '../../../test/support/real.ts';
import { exporterText } from './exporter.ts';
import { Processors } from './processors.ts';

function text(served: ReadonlyMap<number, number> | null): string {
  let nowMs = 0;
  const processors = new Processors({ count: 2, workMs: 5, maxWaitMs: 1000, nowMs: () => nowMs });
  processors.setLoad(1.25);
  nowMs = 10_000;
  return exporterText({
    name: 'a "quoted" \\ name',
    memoryMb: 2048,
    processors,
    loadBytes: () => 0,
    load1: () => 0.5,
    served: () => served,
    bootedMs: 1_700_000_000_000,
  });
}

/** Name → its type, and the names of its labels. */
function shapes(of: string): Map<string, string> {
  const types = new Map([...of.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name, type]) => [name, type]));
  const found = new Map<string, string>();
  for (const [, name = '', labels = ''] of of.matchAll(/^([a-z]\w*)(?:\{(.*)\})? \S+$/gim)) {
    const names = [...labels.matchAll(/(\w+)="(?:[^"\\]|\\.)*"/g)].map(([, label = '']) => label);
    found.set(name, `${types.get(name)} ${names.toSorted((a, b) => (a < b ? -1 : 1)).join(',')}`);
  }
  return found;
}

describeWith(['promtool'], 'what a machine exports', () => {
  it('is accepted by promtool, but for what it says of the names of node-exporter', () => {
    for (const served of [null, new Map([[200, 12]])]) {
      const checked = spawnSync(find('promtool') ?? '', ['check', 'metrics'], { input: text(served), encoding: 'utf8', timeout: 20_000 });
      const said = `${checked.stdout}${checked.stderr}`.split('\n').filter((line) => line !== '');
      expect(said.filter((line) => !/^node_memory_Mem\w+_bytes metric names should be written in 'snake_case'/.test(line))).toEqual([]);
      // 3: it could be read, and something was said of it. 1: it could not be read.
      expect(checked.status).toBe(said.length > 0 ? 3 : 0);
    }
    const broken = spawnSync(find('promtool') ?? '', ['check', 'metrics'], { input: 'node_load1{ 1\n', encoding: 'utf8', timeout: 20_000 });
    expect(broken.status).toBe(1);
  });
});

describeWith(['prometheus-node-exporter'], 'what a machine exports, beside the real exporter', () => {
  it('has the names, types and labels of the real one', async () => {
    const port = await freePort();
    const daemon = startDaemon([find('prometheus-node-exporter') ?? '', `--web.listen-address=127.0.0.1:${port}`], tmpdir());
    try {
      const real = shapes(await until('the exporter answers', async () => await (await fetch(`http://127.0.0.1:${port}/metrics`)).text()));
      const own = shapes(text(null));
      expect(own.size).toBeGreaterThanOrEqual(9);
      expect(Object.fromEntries([...own].map(([name]) => [name, real.get(name)]))).toEqual(Object.fromEntries(own));
    } finally {
      await daemon.stop();
    }
  });
});
