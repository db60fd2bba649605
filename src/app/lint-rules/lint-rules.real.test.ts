/** What is said to parse, and what is offered instead, is what promtool and amtool take. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, it } from 'vitest';
import { describeWith, find } from '../../../test/support/real.ts';
import { lintRules } from './lint-rules.ts';

const FIXTURES = fileURLToPath(new URL('./fixtures', import.meta.url));
const dir = mkdtempSync(join(tmpdir(), 'drover-lint-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const accepts = (program: 'promtool' | 'amtool', ...args: string[]): boolean =>
  spawnSync(find(program) ?? '', args, { encoding: 'utf8', timeout: 60_000 }).status === 0;
const readable = (text: string): boolean =>
  lintRules({ rules: [{ shown: 'rules.yml', text }], prometheus: null, alertmanager: null, executor: null }).every((f) => f.severity !== 'error');

describeWith(['promtool', 'amtool'], 'promtool and amtool', () => {
  it.each(['corrected', 'published'])('agree on what parses: %s', (folder) => {
    const path = join(FIXTURES, folder, folder === 'published' ? 'rules.yml.txt' : 'rules.yml');
    expect(accepts('promtool', 'check', 'rules', path)).toBe(readable(readFileSync(path, 'utf8')));
    expect(accepts('promtool', 'check', 'rules', path)).toBe(folder === 'corrected');
    expect(accepts('amtool', 'check-config', join(FIXTURES, folder, 'alertManager.yml'))).toBe(true);
  });

  it('refuse linode_sd_configs, as is said, and take the corrected file', () => {
    expect(accepts('promtool', 'check', 'config', '--syntax-only', join(FIXTURES, 'published', 'prometheus.yml'))).toBe(false);
    expect(accepts('promtool', 'check', 'config', join(FIXTURES, 'corrected', 'prometheus.yml'))).toBe(true);
  });

  const alert = (dash: number, keys: number): string =>
    `groups:\n- name: a\n  rules:\n${' '.repeat(dash)}- alert: A\n${' '.repeat(keys)}expr: up > 1\n${' '.repeat(keys)}for: 5m\n`;
  it.each([
    [2, 4],
    [4, 6],
    [3, 4],
    [2, 5],
    [2, 3],
    [4, 5],
    [1, 4],
  ])('agree on a dash after %i blanks and keys after %i, and take the line that is offered', (dash, keys) => {
    const text = alert(dash, keys);
    const path = join(dir, `r-${dash}-${keys}.yml`);
    writeFileSync(path, text);
    expect(accepts('promtool', 'check', 'rules', path)).toBe(readable(text));
    if (readable(text)) return;
    const help =
      lintRules({ rules: [{ shown: 'r', text }], prometheus: null, alertmanager: null, executor: null }).find((f) => f.code === 'unreadable')?.help ?? '';
    const [line, column] = [/should be:\n(.*)$/.exec(help)?.[1], /should start in column (\d+)$/.exec(help)?.[1]];
    expect(line === undefined).toBe(column !== undefined);
    writeFileSync(path, line === undefined ? text.replace(/^ +(expr|for)/gm, `${' '.repeat(Number(column) - 1)}$1`) : text.replace(/^ *- alert: A$/m, line));
    expect(accepts('promtool', 'check', 'rules', path)).toBe(true);
  });

  it('compute what is said of the formulas: idle and busy hosts with four cores', () => {
    const bad = /expr: (avg\(1-.*)/.exec(readFileSync(join(FIXTURES, 'published', 'rules.yml.txt'), 'utf8'))?.[1] ?? '';
    const good = /expr: (1 - avg.*)/.exec(readFileSync(join(FIXTURES, 'corrected', 'rules.yml'), 'utf8'))?.[1] ?? '';
    writeFileSync(join(dir, 'formula.yml'), `groups: [{ name: a, rules: [{ record: bad, expr: '${bad}' }, { record: good, expr: '${good}' }] }]\n`);
    const series = (cpu: number) => [
      `{ series: 'node_cpu_seconds_total{instance="h",cpu="${cpu}",mode="idle"}', values: '0+60x20' }`,
      `{ series: 'node_cpu_seconds_total{instance="h",cpu="${cpu}",mode="user"}', values: '0+0x20' }`,
    ];
    const expects = (expr: string, value: number) => `{ expr: ${expr}, eval_time: 15m, exp_samples: [{ labels: ${expr}, value: ${value} }] }`;
    writeFileSync(
      join(dir, 'formula.test.yml'),
      `rule_files: [formula.yml]\nevaluation_interval: 1m\ntests:\n- interval: 1m\n  input_series: [${[0, 1, 2, 3].flatMap(series).join(', ')}]\n  promql_expr_test: [${expects('bad', 0.75)}, ${expects('good', 0)}]\n`,
    );
    const { status, stdout, stderr } = spawnSync(find('promtool') ?? '', ['test', 'rules', join(dir, 'formula.test.yml')], {
      encoding: 'utf8',
      timeout: 60_000,
    });
    expect(status, `${stdout}${stderr}`).toBe(0);
  });
});
