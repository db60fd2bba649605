/** The alert rules for our own metrics: promtool accepts and tests them, they ask only for metrics there are, and the how-to names each. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { describeWith, find } from '../support/real.ts';
import { ROOT } from './session.ts';

const FOLDER = join(ROOT, 'deploy', 'prometheus');
const rules = (parse(readFileSync(join(FOLDER, 'drover-alerts.yaml'), 'utf8')) as { groups: { rules: { alert: string; expr: string }[] }[] }).groups.flatMap(
  (g) => g.rules,
);

describeWith(['promtool'], 'promtool', () => {
  const promtool = (...args: string[]) => spawnSync(find('promtool') ?? '', args, { cwd: FOLDER, encoding: 'utf8', timeout: 60_000 });

  it('accepts the rules', () => {
    const { status, stdout, stderr } = promtool('check', 'rules', 'drover-alerts.yaml');
    expect(`${stdout}${stderr}`).toContain(`SUCCESS: ${rules.length} rules found`);
    expect(status).toBe(0);
  });
  it('finds that they fire when they should, and only then', () => {
    const { status, stdout, stderr } = promtool('test', 'rules', 'drover-alerts.test.yaml');
    expect(status, `${stdout}${stderr}`).toBe(0);
  });
});

describe('the alert rules', () => {
  it.each(rules.map(({ alert, expr }) => [alert, expr] as const))('%s asks for metrics there are', (_alert, expr) => {
    const reference = readFileSync(join(ROOT, 'docs', 'reference', 'metrics.md'), 'utf8');
    const asked = [...expr.matchAll(/drover_[a-z_]+/g)].map((match) => match[0]);
    expect(asked.length).toBeGreaterThan(0);
    expect(asked.filter((name) => !reference.includes(`\`${name}\``))).toEqual([]);
  });
  it('are those of the how-to', () => {
    const page = readFileSync(join(ROOT, 'docs', 'how-to', 'watch-drover.md'), 'utf8');
    expect(new Set([...page.matchAll(/^\| `(Drover\w+)`/gm)].map((match) => match[1]))).toEqual(new Set(rules.map((rule) => rule.alert)));
  });
});
