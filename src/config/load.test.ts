import { describe, expect, it } from 'vitest';
import { diagnosticsOf, fileAround, load, manifests } from '../../test/typo/manifests.ts';
import type { GroupSpec } from '../core/model/model.ts';
import { idsOf } from './drivers.ts';
import { type LoadedConfig, neededDrivers } from './load.ts';
import { expandedJson, printExpanded } from './print-expanded.ts';

function good(text: string): LoadedConfig {
  const result = load(text);
  if (!result.ok) throw new Error(result.diagnostics.map((d) => `${d.line}:${d.column} ${d.code} ${d.message} (${d.label})`).join('\n'));
  return result.config;
}
function group(lines: string): GroupSpec {
  const [found] = good(fileAround(lines)).groups;
  if (found === undefined) throw new Error('no group');
  return found;
}
const SMALL = "version: 1\ngroups:\n  web: { cloud: local, template: { command: ['./web'] }, min: 2, max: 10 }\n";

describe('defaults', () => {
  it('of a group are those of the decisions', () => {
    expect(group('min: 2\nmax: 10')).toMatchObject({
      name: 'web',
      mode: 'act',
      cloud: 'local',
      naming: { prefix: 'web', style: 'random' },
      spread: [],
      balancers: [],
      min: 2,
      max: 10,
      initial: null,
      evaluateEveryMs: 15_000,
      limits: {
        scaleOut: { step: { count: 4, fraction: 1 }, everyMs: 30_000 },
        scaleIn: { step: { count: 1, fraction: 0.2 }, everyMs: 60_000, afterQuietMs: 300_000 },
        collapseGuard: 0.5,
        flapCheck: true,
        budget: null,
        launchesPerHour: null,
        brake: { fraction: 0.3, count: 3 },
        destruction: { windowMs: 300_000, replace: { count: 1, fraction: 0.1 }, all: { count: 2, fraction: 0.5 } },
        approve: { scaleIn: null, scaleOut: null },
      },
      health: { check: { kind: 'none' }, replaceUnhealthy: true, graceMs: 60_000 },
      lifecycle: { bootTimeoutMs: 300_000, warmupMs: 0, drainTimeoutMs: 120_000, maxAgeMs: null, removeFirst: 'oldest', removeOutdatedFirst: false },
      hooks: [],
      freezes: [],
      pricePerHour: null,
    });
  });

  it('let no health check wait longer than until the next one', () => {
    const timeoutOf = (health: string): unknown => {
      return group(`min: 2\nmax: 10\nhealth: ${health}`).health.timeoutMs;
    };
    expect(timeoutOf('{ http: { every: 2s } }')).toBe(2_000);
    expect(timeoutOf('{ tcp: { every: 1s } }')).toBe(1_000);
    expect(timeoutOf('{ http: { every: 10s } }')).toBe(3_000);
    expect(timeoutOf('{ http: { every: 2s, timeout: 500ms } }')).toBe(500);
    expect(timeoutOf('/healthz')).toBe(3_000);
  });

  it('of the controller keep it on this machine', () => {
    expect(good(SMALL).server).toEqual({
      host: '127.0.0.1',
      port: 8470,
      stateDir: './drover-state',
      secretsKey: null,
      tls: null,
      insecureHttp: false,
      tokensFile: null,
      open: [],
      outbound: { deny: [], allow: [] },
      retain: { decisionsMs: 90 * 86_400_000, eventsMs: 365 * 86_400_000, instancesMs: 90 * 86_400_000 },
      installId: null,
      logLevel: 'info',
    });
    expect(good(`server: { listen: '[::1]:9000' }\n${SMALL}`).server).toMatchObject({ host: '::1', port: 9000 });
  });

  it('of a metric follow the evaluation interval, with a floor of 60 s', () => {
    const metric = 'metrics: { rps: { from: prom, query: up } }';
    expect(group(metric).metrics['rps']).toMatchObject({ maxAgeMs: 60_000, ifMissing: { kind: 'hold' }, min: null, max: null, stuckAfterMs: null, unit: null });
    expect(group(`evaluate_every: 1m\n${metric}`).metrics['rps']?.maxAgeMs).toBe(180_000);
    const inherited = good(fileAround(metric).replace('version: 1', 'version: 1\ndefaults: { mode: observe, evaluate_every: 5s }')).groups[0];
    expect(inherited).toMatchObject({ mode: 'observe', evaluateEveryMs: 5000 });
  });

  it('tell every notifier, unless the group names some or none', () => {
    expect(group('max: 3').notify).toEqual(['ops']);
    expect(group('notify: []').notify).toEqual([]);
    expect(group('notify: ops').notify).toEqual(['ops']);
  });
});

describe('shorthands', () => {
  it('target with a query is a metric and a policy', () => {
    const spec = group("target: { query: 'sum(x)', per_instance: 200, tolerance: 5%, if_missing: { floor: 4 } }");
    expect(spec.metrics['target']).toMatchObject({ source: 'default', query: { query: 'sum(x)' }, ifMissing: { kind: 'floor', size: 4 } });
    expect(spec.policies).toEqual([
      { name: 'target', type: 'target', advisory: false, options: { metric: 'target', per_instance: 200, target: null, tolerance: 0.05 } },
    ]);
  });

  it('target with a metric is a policy before the others', () => {
    const spec = group(
      "metrics: { rps: 'sum(x)' }\ntarget: { metric: rps, per_instance: 200 }\npolicies: [{ type: target, metric: rps, per_instance: 100, advisory: true }]",
    );
    expect(spec.policies.map((p) => [p.name, p.advisory])).toEqual([
      ['target-rps', false],
      ['target', true],
    ]);
    expect(spec.metrics['rps']).toMatchObject({ source: 'default', query: { query: 'sum(x)' } });
  });

  it('target with cpu needs a job and a Prometheus, and says so with a query to paste', () => {
    const spec = group("target: { cpu: 60%, job: 'no\"de' }");
    expect(spec.metrics['target-cpu']).toMatchObject({
      unit: 'percent',
      query: { query: '100 * (1 - sum(rate(node_cpu_seconds_total{mode="idle",job="no\\"de"}[2m])) / sum(rate(node_cpu_seconds_total{job="no\\"de"}[2m])))' },
    });
    expect(spec.policies[0]).toMatchObject({ name: 'target-cpu', options: { target: { value: 0.6, percent: true } } });
    const [told] = diagnosticsOf(SMALL.replace('max: 10', 'max: 10, target: { cpu: 60% }'));
    expect(told).toMatchObject({ code: 'E0110', label: 'the cloud `local` does not report it' });
    expect(told?.help).toContain('node_cpu_seconds_total{mode="idle",job="web"}');
  });

  it('and the field they stand for, together, are refused: neither wins', () => {
    for (const hook of ['{ exec: [a], command: [b] }', '{ http: "http://x", url: "http://y" }']) {
      const told = diagnosticsOf(fileAround(`hooks: { before_delete: ${hook} }`)).filter((d) => d.severity === 'error');
      expect(told).toMatchObject([{ code: 'E0018', second: { label: 'and here' } }]);
    }
    const twice = 'target: { query: up, per_instance: 2 }\nmetrics: { target: { query: down } }';
    expect(diagnosticsOf(fileAround(twice)).map((d) => d.code)).toContain('E0018');
    const inline = 'balancer: { haproxy: /a.sock, socket: /b.sock, backend: web }';
    expect(diagnosticsOf(fileAround(inline)).map((d) => d.code)).toContain('E0018');
  });

  it('a balancer written in a group gets a name of its own', () => {
    const config = good(
      fileAround('balancer:\n  - { haproxy: /a.sock, backend: web, port: 80, weight: 5 }\n  - { haproxy: { address: "127.0.0.1:1" }, backend: web }\n  - edge'),
    );
    expect(config.groups[0]?.balancers).toEqual([
      { balancer: 'web-haproxy', port: 80, weight: 5 },
      { balancer: 'web-haproxy-2', port: null, weight: null },
      { balancer: 'edge', port: null, weight: null },
    ]);
    expect(config.balancers['web-haproxy']).toEqual({ driver: 'haproxy', options: { socket: '/a.sock', backend: 'web', timeout: '5s' } });
    expect(config.balancers['web-haproxy-2']).toMatchObject({ options: { address: '127.0.0.1:1', backend: 'web' } });
  });

  it('health, drain, spread, hooks and remove_first have short forms', () => {
    const spec = group(
      'health: /up\nlifecycle: { drain: 30s, remove_first: newest }\nhooks: { before_attach: { http: "http://x/{{ip}}", method: GET, timeout: 5s }, before_delete: [{ exec: [a, b] }] }',
    );
    expect(spec.health.check).toEqual({ kind: 'http', path: '/up', port: null });
    expect(spec.lifecycle).toMatchObject({ drainTimeoutMs: 30_000, removeFirst: 'newest' });
    expect(spec.hooks).toEqual([
      { name: 'before_attach', driver: 'http', options: { url: 'http://x/{{ip}}', method: 'GET' }, timeoutMs: 5000, onFailure: 'retry' },
      { name: 'before_delete', driver: 'exec', options: { command: ['a', 'b'] }, timeoutMs: 60_000, onFailure: 'retry' },
    ]);
    expect(group('health: tcp').health.check).toEqual({ kind: 'tcp', port: null });
    expect(group('health: none').health.check).toEqual({ kind: 'none' });
    expect(group('health: { stop_replacing_above: 50% }').limits.brake).toEqual({ fraction: 0.5, count: 3 });
    const zoned = SMALL.replace('cloud: local', 'cloud: metal, spread: [a, b]').replace("{ command: ['./web'] }", '{ type: x, image: y }');
    expect(good(`${zoned}clouds: { metal: { type: acme, token: { env: T } } }\n`).groups[0]?.spread).toEqual(['a', 'b']);
  });

  it('prices and budgets are money', () => {
    expect(group('price: 0.01 EUR/h\nlimits: { budget: [100 EUR/month, 1 EUR/h] }')).toMatchObject({
      pricePerHour: 0.01,
      limits: { budget: { perHour: 1, perMonth: 100, currency: 'EUR' } },
    });
    expect(group('price: 7.30 EUR/month').pricePerHour).toBeCloseTo(0.01);
  });
});

describe('what a configuration says of its parts', () => {
  it('keeps secrets as references', () => {
    const config = good(fileAround('max: 3').replace('format: alertmanager', 'format: alertmanager, auth: { bearer: { file: /s } }'));
    expect(config.receivers['am']).toEqual({ format: 'alertmanager', options: {}, auth: { bearer: { file: '/s' } } });
    expect(config.notifiers['ops']).toEqual({
      driver: 'slack',
      options: { webhook: { file: '/run/secrets/slack' } },
      atOnce: ['blocked', 'metric_lost', 'replace_loop', 'capped', 'approval_needed', 'frozen'],
      digest: { everyMs: 900_000, of: ['scale_out', 'scale_in', 'replaced'] },
    });
    expect(good(SMALL).clouds).toEqual({ local: { driver: 'local', options: { ports: '20000-29999', stop_timeout: '10s' } } });
  });

  it('says where each key was written, of shorthands too, and nothing of defaults', () => {
    const written = group('limits: { scale_out: { step: 5 } }\ntarget: { query: x, per_instance: 9 }').written;
    expect(written['limits.scale_out.step']).toMatch(/^drover\.yaml:\d+:34$/);
    expect(written['policies.target.per_instance']).toMatch(/^drover\.yaml:\d+:39$/);
    expect(written['max']).toBeDefined();
    expect(written['limits.scale_in.step']).toBeUndefined();
    expect(written['min']).toBeUndefined();
  });

  it('has a hash that changes with the meaning and not with the writing', () => {
    const a = good(SMALL);
    const same = good(
      '# a comment\ngroups:\n  web:\n    max: 10\n    min: 2\n    evaluate_every: 15s\n    template: { command: [./web] }\n    cloud: local\nversion: 1\n',
    );
    expect(same.hash).toBe(a.hash);
    expect(same.groups[0]?.hash).toBe(a.groups[0]?.hash);
    const other = good(SMALL.replace('max: 10', 'max: 11'));
    expect(other.hash).not.toBe(a.hash);
    expect(other.groups[0]?.hash).not.toBe(a.groups[0]?.hash);
    expect(other.groups[0]?.template.id).toBe(a.groups[0]?.template.id);
    expect(good(SMALL.replace('./web', './web2')).groups[0]?.template.id).not.toBe(a.groups[0]?.template.id);
    expect(a.hash).toMatch(/^[0-9a-f]{12}$/);
  });

  it('names the drivers it needs, without loading any', () => {
    const text = fileAround('balancer: { haproxy: /a, backend: b }\nhooks: { before_delete: { exec: [x] } }');
    expect(
      neededDrivers({ file: 'a', text }, idsOf(manifests))
        .map((d) => `${d.kind}/${d.id}`)
        .sort(),
    ).toEqual(['alert-format/alertmanager', 'balancer/haproxy', 'cloud/local', 'hook/exec', 'notifier/slack', 'source/prometheus']);
    expect(neededDrivers({ file: 'a', text: '{' }, idsOf(manifests))).toEqual([]);
    expect(neededDrivers({ file: 'a', text: 'groups: { a: { cloud: nosuch } }' }, idsOf(manifests))).toEqual([]);
  });
});

describe('the long form', () => {
  it('marks what nobody wrote', () => {
    const text = printExpanded(good(SMALL).expanded);
    expect(text).toContain('    max: 10\n');
    expect(text).toContain('        after_quiet: 5m  # default\n');
    expect(text).toContain('  listen: 127.0.0.1:8470  # default\n');
    expect(good(text).hash).toBe(good(SMALL).hash);
    const { value, defaults } = expandedJson(good(SMALL).expanded);
    expect(value).toMatchObject({ groups: { web: { max: 10, limits: { scale_in: { after_quiet: '5m' } } } } });
    expect(defaults).toContain('groups.web.limits.scale_in.after_quiet');
    expect(defaults).not.toContain('groups.web.max');
  });
});

describe('several mistakes', () => {
  it('are all told at once, in the order of the file', () => {
    const text = fileAround(
      'min: 4\nmax: 3\nevaluate_every: 5\nmetrics: { rps: { from: promm, query: up } }\npolicies: [{ type: target, metric: rsp, per_instance: -1 }]\nhealth: 5',
    );
    expect(diagnosticsOf(text).map((d) => d.code)).toEqual(['E0104', 'E0021', 'E0042', 'E0045', 'E0102', 'E0010'].map((c) => expect.stringMatching(c)));
  });

  it('two groups whose machines would share names are refused', () => {
    const text = `${SMALL}  api: { cloud: local, template: { command: [x] }, max: 1, min: 1, naming: { prefix: web } }\n`;
    expect(diagnosticsOf(text).filter((d) => d.severity === 'error')).toMatchObject([{ code: 'E0050', line: 4 }]);
  });

  it('numbers behind one prefix must not make the names of another', () => {
    const group = (name: string, style: string) => `  ${name}: { cloud: local, template: { command: [x] }, max: 20, min: 20, naming: { style: ${style} } }\n`;
    const told = (a: string, b: string) => diagnosticsOf(`version: 1\ngroups:\n${a}${b}`).filter((d) => d.severity === 'error');
    expect(told(group('web', 'increasing'), group('web1', 'increasing'))).toMatchObject([{ code: 'E0050', line: 4 }]);
    expect(told(group('web12', 'increasing'), group('web', 'increasing'))).toMatchObject([{ code: 'E0050', line: 4 }]);
    expect(told(group('web', 'random'), group('web1', 'increasing'))).toEqual([]);
    expect(told(group('web', 'increasing'), group('web-1', 'increasing'))).toEqual([]);
  });

  it('a cloud that needs options has to be declared', () => {
    expect(diagnosticsOf(SMALL.replace('cloud: local', 'cloud: acme'))).toMatchObject([{ code: 'W0202' }, { code: 'E0041', label: 'needs options' }]);
  });
});
