/** A new driver of every kind, in a copy of the project: it compiles, it fits the rules, and its contract fails until it is written. */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { KINDS } from './new-driver/kinds.mjs';
import { register } from './new-driver.mjs';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const ID = 'made-up-one';
const copy = mkdtempSync(join(tmpdir(), 'drover-new-driver-'));
const cases = Object.entries(KINDS).map(([kind, { folder }]) => [kind, `src/drivers/${folder}/${ID}`]);

const node = (...args) =>
  spawnSync(process.execPath, args, { cwd: copy, encoding: 'utf8', env: { ...process.env, NO_COLOR: '1', VITEST: undefined }, timeout: 120_000 });
const create = (...args) => node(join(ROOT, 'tools', 'new-driver.mjs'), '--root', copy, ...args);

let created;
beforeAll(() => {
  for (const path of ['src', 'test', 'package.json', 'package-lock.json', 'tsconfig.json', 'biome.json', 'vitest.config.ts', 'bin', '.ci']) {
    cpSync(join(ROOT, path), join(copy, path), { recursive: true });
  }
  symlinkSync(join(ROOT, 'node_modules'), join(copy, 'node_modules'));
  created = cases.map(([kind]) => create(kind, ID));
});
afterAll(() => rmSync(copy, { recursive: true, force: true }));

describe('npm run new:driver', () => {
  it('makes the folder and says what to do next', () => {
    for (const [at, [, folder]] of cases.entries()) {
      expect(created[at].stderr).toBe('');
      expect(created[at].stdout).toContain(`${folder} is there`);
      expect(readdirSync(join(copy, folder)).toSorted()).toEqual(['README.md', 'driver.ts', `${ID}.test.ts`, `${ID}.ts`, 'options.ts'].toSorted());
    }
  });
  it('adds one lazy line to the registry', () => {
    const text = readFileSync(join(copy, 'src/app/registry.ts'), 'utf8');
    for (const [kind, folder] of cases) expect(text).toContain(`  '${kind}/${ID}': () => import('../${folder.slice(4)}/driver.ts'),\n`);
  });
  it('compiles, formatted', () => {
    const tsc = node(join(ROOT, 'node_modules/typescript/bin/tsc'), '-p', 'tsconfig.json', '--pretty', 'false');
    expect(tsc.signal).toBeNull();
    expect(tsc.stdout.split('\n').filter((line) => line.includes(ID))).toEqual([]);
    const biome = node(join(ROOT, 'node_modules/@biomejs/biome/bin/biome'), 'ci', '--colors=off', ...cases.map(([, folder]) => folder));
    expect(biome.status, biome.stdout + biome.stderr).toBe(0);
  });
  it('fits the rules of the house', () => {
    const tidy = node(join(ROOT, 'node_modules/vitest/vitest.mjs'), 'run', '--project=tidy', '--reporter=verbose');
    expect(tidy.stdout).toContain('was read');
    expect(tidy.stdout.split('\n').filter((line) => line.includes(ID))).toEqual([]);
  });
  it('fails its contract, saying what to write', () => {
    const path = join(copy, 'report.json');
    const run = node(
      join(ROOT, 'node_modules/vitest/vitest.mjs'),
      'run',
      '--project=unit',
      '--reporter=default',
      '--reporter=json',
      `--outputFile.json=${path}`,
      ID,
    );
    const { testResults } = JSON.parse(readFileSync(path, 'utf8'));
    expect(run.status).toBe(1);
    expect(testResults.map((file) => file.status)).toEqual(cases.map(() => 'failed'));
    const silent = cases.filter(([kind, folder]) => {
      const says = kind === 'alert-format' ? `${ID}: parse is not written yet` : `${folder}/${ID}.test.ts: start what the contract talks to`;
      return !`${run.stdout}${run.stderr}`.includes(says);
    });
    expect(silent).toEqual([]);
  });
  it.each([
    [['cloud', ID], 'is there already'],
    [['clowd', 'x'], 'no kind of driver is called clowd'],
    [['cloud', 'My_Cloud'], 'is not an id'],
    [['cloud'], 'KIND ID'],
  ])('refuses %j', (args, says) => {
    const { status, stderr } = create(...args);
    expect(stderr).toContain(says);
    expect(status).toBe(64);
  });
  it('puts the first driver of a kind at the end of the list', () => {
    const text = "x = {\n  'cloud/a': () => import('../a.ts'),\n} as const";
    expect(register(text, 'hook', 'b')).toBe(
      "x = {\n  'cloud/a': () => import('../a.ts'),\n  'hook/b': () => import('../drivers/hooks/b/driver.ts'),\n} as const",
    );
    expect(() => register('nothing', 'hook', 'b')).toThrow('has no line');
  });
});
