import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createCliIo } from '../../test/support/cli-io.ts';
import { EXIT } from './exit-codes.ts';
import { run } from './run.ts';

const dir = mkdtempSync(join(tmpdir(), 'drover-doctor-rules-'));
beforeAll(() => {
  for (const folder of ['published', 'corrected'])
    cpSync(fileURLToPath(new URL(`../app/lint-rules/fixtures/${folder}`, import.meta.url)), join(dir, folder), { recursive: true });
  writeFileSync(join(dir, 'control.yml'), 'groups: [{ name: a, rules: [{ alert: "High\\u001b[31mLoad", expr: load > 1 }] }]\n');
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

async function drover(...argv: string[]): Promise<{ code: number; out: string; err: string }> {
  const test = createCliIo({ cwd: dir });
  return { code: await run(argv, test.io), out: test.out(), err: test.err() };
}
const all = (folder: string, rules: string): string[] => [
  ...['doctor', '--rules', `${folder}/${rules}`, '--prometheus', `${folder}/prometheus.yml`],
  ...['--alertmanager', `${folder}/alertManager.yml`, '--executor', `${folder}/executor.yml`],
];

describe('doctor --rules', () => {
  it('needs no configuration and no controller, and ends with 9 where a file does not parse', async () => {
    const t = await drover(...all('published', 'rules.yml.txt'));
    expect([t.code, t.err]).toEqual([EXIT.problem, '']);
    expect(t.out).toMatch(/--> published\/rules\.yml\.txt:17:11\n +\|\n17 \| {5}expr: avg\(1-.*\n +\| {11}\^+ an idle host with n cores gives \(n-1\)\/n/);
    expect(t.out).toMatch(/\n1 failure, 7 warnings\.\n$/);
  });

  it('is content with the corrected files', async () => {
    expect(await drover(...all('corrected', 'rules.yml'))).toEqual({ code: EXIT.ok, out: '0 failures, 0 warnings.\n', err: '' });
  });

  it('answers as doctor does for programs', async () => {
    const t = await drover(...all('published', 'rules.yml.txt'), '--json');
    expect(t.code).toBe(EXIT.problem);
    const document = JSON.parse(t.out) as { findings: { status: string; subject: string }[] };
    expect(document).toMatchObject({ schema: 'drover.doctor/v1', ok: false, failures: 1, warnings: 7 });
    expect(document.findings.find((f) => f.subject === 'resolved-kills')).toEqual({
      status: 'warn',
      subject: 'resolved-kills',
      text: '/usr/local/bin/scaleOut.sh is ended half-way when the alert resolves',
      more: [expect.stringContaining('SIGUSR1'), 'ignore_resolved: true'],
      at: 'published/executor.yml:8:22',
    });
  });

  it('takes several files of rules', async () => {
    const t = await drover('doctor', '--rules', 'control.yml', '--rules', 'corrected/rules.yml', '--plain');
    expect([
      t.code,
      t.out
        .split('\n')
        .filter((l) => l !== '')
        .map((l) => l.split('\t').slice(0, 2)),
    ]).toEqual([EXIT.ok, [['warn', 'no-maximum']]]);
    expect(t.out).not.toContain('\u001b');
  });

  it('tells wrong usage and files that are not there', async () => {
    expect((await drover('doctor', '--prometheus', 'corrected/prometheus.yml')).code).toBe(EXIT.usage);
    expect((await drover('doctor', 'drover.yaml', '--rules', 'corrected/rules.yml')).code).toBe(EXIT.usage);
    const gone = await drover('doctor', '--rules', 'gone.yml');
    expect([gone.code === EXIT.ok, gone.err]).toEqual([false, expect.stringContaining('gone.yml')]);
  });
});
