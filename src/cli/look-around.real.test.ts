/** `init` and `doctor` with real parts: they find them, read them, and say what is wrong with them. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createCliIo } from '../../test/support/cli-io.ts';
import { type Daemon, freePort, until } from '../../test/support/daemon.ts';
import { type RealHaproxy, startRealHaproxy } from '../../test/support/haproxy.ts';
import { spawnPrometheus } from '../../test/support/monitoring-daemons.ts';
import { describeWith } from '../../test/support/real.ts';
import { EXIT } from './exit-codes.ts';
import { run } from './run.ts';

describeWith(['haproxy', 'prometheus'], 'init and doctor', () => {
  let dir: string;
  let haproxy: RealHaproxy;
  let prometheus: Daemon;
  let url: string;

  async function drover(...argv: string[]): Promise<{ code: number; out: string; err: string }> {
    const test = createCliIo({ cwd: dir });
    const code = await run(argv, test.io);
    return { code, out: test.out(), err: test.err() };
  }

  beforeAll(async () => {
    dir = mkdtempSync(join(tmpdir(), 'drover-look-'));
    haproxy = await startRealHaproxy();
    const port = await freePort();
    url = `http://127.0.0.1:${port}`;
    // It scrapes itself: its own request counter plays the application's.
    writeFileSync(
      join(dir, 'prometheus.yml'),
      `global: { scrape_interval: 1s, scrape_timeout: 900ms }
scrape_configs:
  - job_name: self
    static_configs: [{ targets: ['127.0.0.1:${port}'] }]
    metric_relabel_configs: [{ source_labels: [__name__], regex: prometheus_http_requests_total, target_label: __name__, replacement: http_requests_total }]
`,
    );
    prometheus = spawnPrometheus(dir, join(dir, 'prometheus.yml'), port);
    await until('the counter has a rate', async () => {
      const reply = await fetch(`${url}/api/v1/query?query=${encodeURIComponent('rate(http_requests_total[1m])')}`);
      return (await reply.text()).includes('"value"');
    });
  });
  afterAll(async () => {
    await prometheus?.stop();
    await haproxy?.close();
    rmSync(dir, { recursive: true, force: true });
  });

  it('init finds both and writes a file with them', async () => {
    const t = await drover('init', '--yes', '--prometheus', url, '--haproxy', haproxy.socket, '--command', './web --port {{port}}', '--max', '6');
    expect(t.code, t.err).toBe(EXIT.ok);
    expect(t.err).toMatch(/ok +haproxy socket \S+, backend web with \d+ servers?\n/);
    expect(t.err).toMatch(/ok +prometheus http\S+, sum\(rate\(http_requests_total\[1m\]\)\) is/);
    const text = readFileSync(join(dir, 'drover.yaml'), 'utf8');
    expect(text.trimEnd().split('\n').length).toBeLessThanOrEqual(15);
    expect(text).toContain(`balancer: { haproxy: ${haproxy.socket}, backend: web }`);
    expect((await drover('validate')).code).toBe(EXIT.ok);
  });

  it('doctor reads every part, and says that the age of a rate is unknown', async () => {
    const t = await drover('doctor');
    expect(t.code, t.out).toBe(EXIT.ok);
    expect(t.out).toMatch(/^ok +default +clock \d+ ms from ours/m);
    expect(t.out).toMatch(/^ok +web\.target +\S+, age unknown/m);
    expect(t.out).toMatch(/^ok +local +0 machines/m);
    expect(t.out).toMatch(/^ok +\S+ +0 members, 0 ready/m);
  });

  it('doctor tells queries that are dangerous, series that are missing, and parts that are away', async () => {
    writeFileSync(
      join(dir, 'drover.yaml'),
      `version: 1
prometheus: ${url}
balancers: { edge: { type: haproxy, socket: ./nothing.sock, backend: web } }
groups:
  web:
    cloud: local
    template: { command: [./web] }
    balancer: edge
    max: 5
    metrics:
      lie: 'sum(rate(nothing_total[1m])) or vector(0)'
      none: sum(rate(nothing_total[1m]))
      age: { query: 'sum(prometheus_build_info)' }
    policies:
      - { name: a, type: target, metric: lie, per_instance: 1 }
      - { name: b, type: target, metric: none, per_instance: 1 }
      - { name: c, type: target, metric: age, per_instance: 1 }
`,
    );
    const t = await drover('doctor');
    expect(t.code, t.out).toBe(EXIT.problem);
    expect(t.out).toMatch(/^warn +web\.lie +"or vector\(0\)" turns an outage into zero load.*drover\.yaml:11:12$/m);
    expect(t.out).toMatch(/^FAIL +web\.none +missing \(empty\)/m);
    expect(t.out).toMatch(/^ok +web\.age +1, [\d.]+ s old$/m);
    expect(t.out).toMatch(/^FAIL +edge +unreachable: .*nothing\.sock/m);
  });

  it('what takes two readings is read twice', async () => {
    writeFileSync(
      join(dir, 'rate.yaml'),
      `version: 1
sources: { edge: { type: haproxy, socket: ${haproxy.socket} } }
groups:
  web:
    cloud: local
    template: { command: [./web] }
    max: 5
    target: { from: edge, metric: request_rate, backend: web, per_instance: 10 }
`,
    );
    const t = await drover('doctor', 'rate.yaml');
    expect(t.out).toMatch(/^ok +web\.target +[\d.]+, /m);
    expect(t.code, t.out).toBe(EXIT.ok);
    const asked = await drover('metrics', 'query', 'edge', '{"metric":"request_rate","backend":"web"}', '--config', 'rate.yaml', '--json');
    expect([asked.code, JSON.parse(asked.out)], asked.err).toMatchObject([EXIT.ok, { reading: { kind: 'value' } }]);
  });

  it('metrics query asks a source and judges the query', async () => {
    const good = await drover('metrics', 'query', 'default', 'sum(prometheus_build_info)', '--json');
    expect([good.code, JSON.parse(good.out)]).toMatchObject([EXIT.ok, { reading: { kind: 'value', value: 1 }, remarks: [] }]);
    const many = await drover('metrics', 'query', 'default', '{job="self"}');
    expect([many.code, many.out, many.err]).toEqual([EXIT.problem, expect.stringContaining('multiple-series'), expect.stringContaining('bare selector')]);
    expect((await drover('metrics', 'query', 'nope', 'x')).code).toBe(EXIT.notFound);
    expect((await drover('metrics', 'query', 'default', '{"qery":"x"}')).code).toBe(EXIT.usage);
  });
});
