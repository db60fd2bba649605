import { describe, expect, it } from 'vitest';
import { load } from '../../test/typo/manifests.ts';
import { diffConfigs, printChanges } from './diff.ts';
import type { LoadedConfig } from './load.ts';

function config(group: string, rest = ''): LoadedConfig {
  const result = load(
    `version: 1\nprometheus: http://p\ngroups:\n  web:\n    cloud: local\n    template: { command: [./web] }\n    metrics: { rps: x }\n${group.replace(/^/gm, '    ')}\n${rest}`,
  );
  if (!result.ok) throw new Error(JSON.stringify(result.diagnostics));
  return result.config;
}
const before = config('max: 10\npolicies:\n  - { name: traffic, type: target, metric: rps, per_instance: 180 }');

describe('differences of two configurations', () => {
  it('are none for the same meaning', () => {
    expect(diffConfigs(before, before)).toEqual([]);
    expect(diffConfigs(config('max: 10\nlimits: { scale_in: { after_quiet: 300s } }'), config('max: 10'))).toEqual([]);
    expect(printChanges([])).toBe('No changes.');
  });

  it('go by name and show both values', () => {
    const after = config(
      'max: 12\npolicies:\n  - { name: office-hours, type: schedule, cron: "0 8 * * 1-5", for: 10h, min: 4 }\n  - { name: traffic, type: target, metric: rps, per_instance: 200 }\nlimits: { scale_in: { after_quiet: 10m } }',
    );
    const changes = diffConfigs(before, after);
    expect(changes).toContainEqual({
      kind: 'change',
      group: 'web',
      key: 'max',
      before: 10,
      after: 12,
      deletes: 0,
      text: '~ web   max                            10 → 12',
    });
    expect(changes).toContainEqual(expect.objectContaining({ kind: 'change', key: 'policies.traffic.per_instance', before: 180, after: 200 }));
    expect(changes).toContainEqual(expect.objectContaining({ kind: 'change', key: 'limits.scale_in.after_quiet', before: '5m', after: '10m' }));
    expect(changes).toContainEqual(expect.objectContaining({ kind: 'add', key: 'policies.office-hours', after: 'schedule' }));
    expect(printChanges(changes)).toBe(`  ~ web   max                            10 → 12
  + web   policy office-hours            schedule: cron 0 8 * * 1-5, for 10h, min 4
  ~ web   policies.traffic.per_instance   180 → 200
  ~ web   limits.scale_in.after_quiet    5m → 10m

3 to change, 1 to add, 0 to remove. No instance is deleted by this plan.`);
  });

  it('warn when a smaller maximum deletes what runs', () => {
    const changes = diffConfigs(before, config('max: 4\npolicies:\n  - { name: traffic, type: target, metric: rps, per_instance: 180 }'), { web: 7 });
    expect(changes).toMatchObject([{ key: 'max', deletes: 3 }]);
    expect(printChanges(changes)).toContain('! web   max   10 → 4     deletes 3 running instances');
    expect(printChanges(changes)).toContain('3 running instances are deleted by this plan.');
  });

  it('fold a whole group into a line, and say that the machines of a removed one are kept', () => {
    const two = config('max: 10\npolicies: []', '  api: { cloud: local, template: { command: [x] }, max: 2 }');
    const one = config('max: 10\npolicies: []');
    expect(printChanges(diffConfigs(one, two))).toMatch(/^ {2}\+ api +group +cloud local, min 1, max 2\n\n0 to change, 1 to add, 0 to remove\./);
    expect(printChanges(diffConfigs(two, one))).toContain('no longer managed; its machines are kept');
    expect(diffConfigs(null, one).every((c) => c.kind === 'add')).toBe(true);
    expect(printChanges(diffConfigs(null, one), true).split('\n').length).toBeGreaterThan(20);
  });
});
