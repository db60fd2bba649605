import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { CHECKS, type ForeignText, type ForeignTexts, lintRules, printFinding, type RuleFinding } from './lint-rules.ts';

const text = (shown: string, content: string): ForeignText => ({ shown, text: content });
/** The file that does not parse has an ending that keeps formatters off. */
const fixture = (folder: string, name: string): ForeignText =>
  text(name, readFileSync(new URL(`./fixtures/${folder}/${name}${folder === 'published' && name === 'rules.yml' ? '.txt' : ''}`, import.meta.url), 'utf8'));

function folder(name: string): ForeignTexts {
  return {
    rules: [fixture(name, 'rules.yml')],
    prometheus: fixture(name, 'prometheus.yml'),
    alertmanager: fixture(name, 'alertManager.yml'),
    executor: fixture(name, 'executor.yml'),
  };
}
/** The corrected files with one of them changed. */
function changed(key: 'rules' | 'prometheus' | 'alertmanager' | 'executor', change: (content: string) => string): ForeignTexts {
  const good = folder('corrected');
  const of = (t: ForeignText | null): ForeignText => {
    const after = change(t?.text ?? '');
    expect(after).not.toBe(t?.text);
    return text(t?.shown ?? '', after);
  };
  return { ...good, [key]: key === 'rules' ? [of(good.rules[0] ?? null)] : of(good[key]) };
}
const brief = (findings: readonly RuleFinding[]): string[] => findings.map((f) => `${f.code} ${f.file}:${f.line}:${f.column}`);
const rulesOnly = (content: string): readonly RuleFinding[] =>
  lintRules({ rules: [text('r.yml', content)], prometheus: null, alertmanager: null, executor: null });
/** One alert with its bound and its counterpart, so that only the expression is at stake. */
const around = (expr: string): string =>
  `groups:\n- name: a\n  rules:\n  - alert: HighLoad\n    expr: '(${expr}) and on() count(up) < 9'\n  - alert: LowLoad\n    expr: load < 3\n`;

describe('the files as they are published', () => {
  const texts = folder('published');
  const findings = lintRules(texts);

  it('have each defect told once, at its place', () => {
    expect(brief(findings)).toEqual([
      'no-scale-in rules.yml:5:13',
      'unreadable rules.yml:7:5',
      'no-maximum rules.yml:7:11',
      'cpu-formula rules.yml:17:11',
      'slow-interval prometheus.yml:1:1',
      'linode-discovery prometheus.yml:10:5',
      'repeat-adds alertManager.yml:5:20',
      'resolved-kills executor.yml:8:22',
    ]);
    expect(findings.filter((f) => f.severity === 'error').map((f) => f.code)).toEqual(['unreadable']);
  });

  it('and why with a number, and what to write instead', () => {
    const of = (code: string) => findings.find((f) => f.code === code);
    expect(of('cpu-formula')?.label).toBe('an idle host with n cores gives (n-1)/n: 0.5 with 2 cores, 0.75 with 4');
    expect(of('cpu-formula')?.help).toContain('HighLoad (> 0.7) fires for ever on a host with 4 cores that does nothing: 0.75');
    expect(of('cpu-formula')?.help).toContain('write: 1 - avg(irate(node_cpu_seconds_total{mode="idle"}[5m]))');
    expect(of('unreadable')?.help).toContain('\n  - alert: HighLoad');
    expect(of('slow-interval')?.label).toContain('an overload shorter than 7m may never fire, and the first notification comes 30s after that');
    expect(of('no-maximum')?.label).toContain('up to 24 a day');
  });

  it('are shown with the line and a caret', () => {
    const [first] = findings;
    if (first === undefined) throw new Error('nothing found');
    expect(printFinding(first, texts, (_, t) => t)).toMatch(
      /^warning\[no-scale-in\].*\n {2}--> rules\.yml:5:13\n.*\n5 \| {4}- alert: HighLoad\n {2}\| {13}\^{8} the group only grows/,
    );
  });
});

describe('the files as they should be', () => {
  it('give no warning', () => expect(lintRules(folder('corrected'))).toEqual([]));
});

describe('formulas of processor load', () => {
  const N = 'node_cpu_seconds_total';
  it.each([
    [
      'idle of a core over the whole host',
      `avg(1 - (irate(${N}{mode="idle"}[5m]) / on(instance) group_left sum by (instance) (irate(${N}[5m])))) > 0.7`,
      /\(n-1\)\/n/,
    ],
    ['mean idle over the sum', `1 - avg by (instance) (rate(${N}{mode="idle"}[5m])) / sum by (instance) (rate(${N}[5m])) > 0.7`, /\(n-1\)\/n/],
    ['the same in percent', `100 * (1 - avg(rate(${N}{mode="idle"}[5m])) / sum(rate(${N}[5m]))) > 70`, /\(n-1\)\/n \* 100: 50 with 2 cores, 75 with 4/],
    ['averaged over modes', `avg(rate(${N}{mode!="idle"}[5m])) > 0.7`, /never fires on a host with 1 core: fully busy it gives 0\.143/],
    ['idle time counted as load', `avg(rate(${N}[5m])) > 0.1`, /fires for ever on a host with 1 core that does nothing/],
    ['a sum of cores held against a share', `sum by (instance) (rate(${N}{mode!="idle"}[5m])) > 0.7`, /fires on a host with 4 cores at 25 % load: 1/],
    ['a sum of idle cores', `1 - sum(rate(${N}{mode="idle"}[5m])) > 0.7`, /gives -1 with 2 cores|never fires|instead of/],
  ])('%s is told', (_, expr, why) => {
    const [found, ...more] = rulesOnly(around(expr)).filter((f) => f.code === 'cpu-formula');
    expect(more).toEqual([]);
    expect(`${found?.label}\n${found?.help}`).toMatch(why);
  });

  it.each([
    ['mean idle time', `1 - avg by (instance) (rate(${N}{mode="idle"}[5m])) > 0.7`],
    ['in percent', `100 - (avg by (instance) (irate(${N}{mode="idle", job="node"}[5m])) * 100) > 80`],
    ['busy over all', `sum by (instance) (rate(${N}{mode!="idle"}[5m])) / sum by (instance) (rate(${N}[5m])) > 0.7`],
    ['busy over the number of cores', `sum(rate(${N}{mode!="idle"}[5m])) / count(${N}{mode="idle"}) > 0.7`],
    ['a number of busy cores', `sum(rate(${N}{mode!="idle"}[5m])) > 3`],
    ['something not understood', `histogram_quantile(0.9, rate(${N}_bucket[5m])) > 0.7`],
    ['another pattern of modes', `avg(rate(${N}{mode=~"[iu].+"}[5m])) > 0.7`],
    ['little idle time', `avg(rate(${N}{mode="idle"}[5m])) < 0.3`],
  ])('%s is not', (_, expr) => expect(rulesOnly(around(expr)).filter((f) => f.code === 'cpu-formula')).toEqual([]));

  it('what is offered keeps window, grouping, percent and other labels', () => {
    const [found] = rulesOnly(
      around(`100 * (1 - avg by (instance) (rate(${N}{mode="idle", job="web"}[2m])) / sum by (instance) (rate(${N}{job="web"}[2m]))) > 70`),
    );
    expect(found?.help).toContain(`write: 100 * (1 - avg by (instance) (rate(${N}{mode="idle", job="web"}[2m])))`);
  });

  it('an alert for little load that cannot fire is told as well', () => {
    const low = `groups:\n- name: a\n  rules:\n  - record: cpu\n    expr: avg(1 - irate(${N}{mode="idle"}[5m]) / on(instance) group_left sum by (instance) (irate(${N}[5m])))\n  - alert: LowLoad\n    expr: cpu < 0.3\n`;
    expect(rulesOnly(low).find((f) => f.code === 'cpu-formula')?.help).toContain('LowLoad (< 0.3) never fires on a host with 2 cores: idle it gives 0.5');
  });
});

describe('each defect alone, put into the corrected files', () => {
  it.each<[string, ForeignTexts, string[]]>([
    [
      'no alert for little load',
      changed('rules', (t) => t.replace('alert: LowLoad\n        expr: avg_cpu_load5 <', 'alert: VeryHigh\n        expr: avg_cpu_load5 >')),
      ['no-scale-in rules.yml:4:16', 'no-command executor.yml:10:10'],
    ],
    [
      'no bound',
      changed('rules', (t) => t.replace(' and on() count(up{job="linode"} == 1) < 10', '')),
      ['no-maximum rules.yml:5:15', 'repeat-adds alertManager.yml:5:20'],
    ],
    ['slow scraping', changed('prometheus', (t) => t.replace('scrape_interval: 15s', 'scrape_interval: 1m')), ['slow-interval prometheus.yml:2:20']],
    ['slow evaluation', changed('prometheus', (t) => t.replace('evaluation_interval: 15s', 'evaluation_interval: 90s')), ['slow-interval prometheus.yml:3:24']],
    [
      'one slow job',
      changed('prometheus', (t) => t.replace('job_name: "linode"', 'job_name: "linode"\n    scrape_interval: 2m')),
      ['slow-interval prometheus.yml:13:22'],
    ],
    ['a short window', changed('rules', (t) => t.replace('[5m]', '[20s]')), ['short-window rules.yml:19:29']],
    [
      'no Alertmanager',
      changed('prometheus', (t) => t.replace('- 127.0.0.1:9093', '[]').replace('targets:\n            []', 'targets: []')),
      ['no-alertmanager prometheus.yml:6:5'],
    ],
    [
      'a group_interval shorter than the command',
      changed('alertmanager', (t) => t.replace('group_interval: 5m', 'group_interval: 10s')),
      ['short-group-interval alertManager.yml:4:19'],
    ],
    [
      'a receiver that tells nobody',
      changed('alertmanager', (t) => t.replace(/\n {4}webhook_configs:\n.*\n/, '\n')),
      ['alert-dropped alertManager.yml:6:13', 'alert-dropped alertManager.yml:6:13'],
    ],
    [
      'a route to nobody',
      changed('alertmanager', (t) =>
        t
          .replace('receiver: "web.hook"\n', 'receiver: "web.hook"\n  routes:\n    - matchers: [\'alertname =~ "High.*"\']\n      receiver: none\n')
          .replace('receivers:\n', 'receivers:\n  - name: none\n'),
      ),
      ['alert-dropped alertManager.yml:9:17'],
    ],
    [
      'a muted route',
      changed('alertmanager', (t) => t.replace('receiver: "web.hook"\n', 'receiver: "web.hook"\n  mute_time_intervals: [nights]\n')),
      ['alert-dropped alertManager.yml:7:24', 'alert-dropped alertManager.yml:7:24'],
    ],
    [
      'an inhibition without alertname',
      changed('alertmanager', (t) => t.replace('severity: "warning"', 'alertname: "LowLoad"').replace('"alertname", "dev", "instance"', '"severity"')),
      ['alert-dropped alertManager.yml:15:7'],
    ],
    [
      'resolved ends the command',
      changed('executor', (t) => t.replace('    ignore_resolved: true\n    max: 1\n  - cmd', '    max: 1\n  - cmd')),
      ['resolved-kills executor.yml:4:10'],
    ],
    [
      'scale-in on the alert for high load',
      changed('executor', (t) => t.replace('"alertname": "LowLoad"', '"alertname": "HighLoad"')),
      ['no-scale-in rules.yml:4:16', 'resolved-scales-in executor.yml:10:10'],
    ],
    [
      'a command for an alert that is not there',
      changed('executor', (t) => t.replace('"LowLoad"', '"LowLod"')),
      ['no-scale-in rules.yml:4:16', 'no-command executor.yml:10:10'],
    ],
  ])('%s', (_, texts, expected) => {
    expect(brief(lintRules(texts))).toEqual(expected);
  });

  it('reliance on send_resolved, where nothing fires at little load', () => {
    const good = folder('corrected');
    const rules = [text('rules.yml', (good.rules[0]?.text ?? '').replace(/ {6}- alert: LowLoad[\s\S]*?(?= {2}- name: avg)/, ''))];
    const alertmanager = text('alertManager.yml', (good.alertmanager?.text ?? '').replace('23222"', '23222"\n        send_resolved: true'));
    expect(brief(lintRules({ rules, alertmanager, prometheus: good.prometheus, executor: null }))).toEqual([
      'no-scale-in rules.yml:4:16',
      'resolved-scales-in alertManager.yml:11:24',
    ]);
  });
});

describe('files that cannot be read', () => {
  it.each<[string, string, string]>([
    ['empty', '', 'error r.yml is empty'],
    ['not a map', '- a\n', 'error r.yml is not a map'],
    ['without groups', 'rules: []\n', 'error r.yml has no groups: Prometheus finds no rule in it'],
    ['with a tab', 'groups:\n\t- name: a\n', 'error r.yml does not parse: a tab is used as indentation'],
    ['with a merge key, which Prometheus takes', 'groups: &a\n- { <<: *a }\n', 'warning r.yml is not looked at: '],
  ])('%s', (_, content, expected) => {
    const [found] = rulesOnly(content);
    expect(`${found?.severity} ${found?.message}`).toContain(expected);
    expect(found?.code).toBe('unreadable');
  });

  it('never throws, whatever the file holds', () => {
    for (const content of [
      'groups: 1',
      'groups: [1, { rules: 3 }, { rules: [{ alert: 1, expr: [1] }] }]',
      `groups: [{ rules: [{ alert: a, expr: "${'('.repeat(5000)}" }] }]`,
      '\0',
      '{',
    ])
      expect(() =>
        lintRules({ rules: [text('r.yml', content)], prometheus: text('p', content), alertmanager: text('a', content), executor: text('e', content) }),
      ).not.toThrow();
  });
});

describe('rules that build on each other without end', () => {
  it('are given up: 3^40 steps would never end', () => {
    const record = (name: string, expr: string) => `  - { record: ${name}, expr: '${expr}' }\n`;
    const deep = Array.from({ length: 40 }, (_, i) => record(`r${i + 1}`, `r${i} + r${i} + r${i}`)).join('');
    const text = `groups:\n- name: a\n  rules:\n${record('r0', 'node_cpu_seconds_total')}${deep}${record('loop', 'loop + node_cpu_seconds_total')}  - { alert: HighLoad, expr: 'r40 + loop > 1' }\n`;
    expect(rulesOnly(text).map((f) => f.code)).toEqual(['no-scale-in', 'no-maximum']);
  });
});

describe('the documentation', () => {
  it('has a heading for every check', () => {
    const page = readFileSync(new URL('../../../docs/how-to/check-foreign-rules.md', import.meta.url), 'utf8');
    expect([...page.matchAll(/^## ([a-z-]+)$/gm)].map(([, name]) => name)).toEqual([...CHECKS]);
  });
});
