/** The package as people install it: `npm pack`, `npm i` of the tarball into an empty folder with an empty home, without network. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ROOT } from './session.ts';

const MOST_BYTES = 6_000_000;

const base = mkdtempSync(join(tmpdir(), 'drover-pack-'));
const home = join(base, 'home');
const app = join(base, 'app');
const installed = join(app, 'node_modules', 'drover');
const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string };

function environment(): NodeJS.ProcessEnv {
  const inherited = Object.entries(process.env).filter(([name]) => !/^(npm_|VITEST|NODE_ENV|DROVER_|XDG_|INIT_CWD|FORCE_COLOR)/.test(name));
  return { ...Object.fromEntries(inherited), NO_COLOR: '1', HOME: home, PATH: `${dirname(process.execPath)}${delimiter}${process.env['PATH'] ?? ''}` };
}

function run(command: string, args: readonly string[], cwd: string): { code: number | null; stdout: string; stderr: string } {
  const { status, stdout, stderr, error } = spawnSync(command, args, { cwd, env: environment(), encoding: 'utf8', timeout: 240_000 });
  return { code: status, stdout: stdout ?? '', stderr: `${stderr ?? ''}${error?.message ?? ''}` };
}

const drover = (...args: string[]) => run(join(app, 'node_modules', '.bin', 'drover'), args, app);

let packed: { filename: string; unpackedSize: number; files: { path: string }[] } | undefined;

beforeAll(() => {
  mkdirSync(home, { recursive: true });
  mkdirSync(app, { recursive: true });
  writeFileSync(join(app, 'package.json'), '{"name":"app","private":true,"type":"module"}');
  const pack = run('npm', ['pack', '--json', '--pack-destination', base], ROOT);
  expect(pack.code, pack.stderr).toBe(0);
  [packed] = JSON.parse(pack.stdout) as NonNullable<typeof packed>[];
  const install = run('npm', ['install', '--offline', '--no-audit', '--no-fund', join(base, packed?.filename ?? '')], app);
  expect(install.code, install.stderr).toBe(0);
}, 300_000);
afterAll(() => rmSync(base, { recursive: true, force: true }));

describe('the package', () => {
  it('installs alone: no dependencies, no native parts', () => {
    expect(readdirSync(join(app, 'node_modules')).filter((name) => !name.startsWith('.'))).toEqual(['drover']);
    const natives = readdirSync(installed, { recursive: true, encoding: 'utf8' }).filter((path) => /\.(node|wasm|dll|so|dylib)$/.test(path));
    expect(natives).toEqual([]);
  });
  it('runs nothing when it is installed', () => {
    const { scripts } = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8')) as { scripts: Record<string, string> };
    expect(Object.keys(scripts).filter((name) => /^(pre|post)?install$|^prepare$/.test(name))).toEqual([]);
  });
  it(`unpacks to at most ${MOST_BYTES / 1e6} MB`, () => {
    expect(packed?.unpackedSize).toBeGreaterThan(1000);
    expect(packed?.unpackedSize).toBeLessThanOrEqual(MOST_BYTES);
  });
  it('holds the program, its licence and nothing of the workshop', () => {
    const paths = packed?.files.map((file) => file.path) ?? [];
    expect(paths).toEqual(expect.arrayContaining(['package.json', 'LICENSE', 'README.md', 'bin/drover.mjs', 'dist/LICENSES.txt']));
    expect(paths.filter((path) => /^(src|test|tools|bench|\.ci)\/|\.test\.|tsconfig/.test(path))).toEqual([]);
  });
  it('holds every file its code points at', () => {
    const dist = join(installed, 'dist');
    const files = readdirSync(dist, { recursive: true, encoding: 'utf8' }).filter((path) => path.endsWith('.js'));
    const references = files.flatMap((path) => {
      const text = readFileSync(join(dist, path), 'utf8');
      return [...text.matchAll(/new URL\("(\.[^"]+)",\s*import\.meta\.url\)/g)].map((match) => join(dist, dirname(path), match[1] ?? ''));
    });
    expect(references.filter((path) => !existsSync(path))).toEqual([]);
  });
  it('runs on the sources in a clone and on the build in a package', () => {
    expect(existsSync(join(installed, 'src'))).toBe(false);
    expect(statSync(join(installed, 'bin', 'drover.mjs')).mode & 0o111).not.toBe(0);
  });
});

describe('the command drover', () => {
  it('says its version', () => {
    const { code, stdout, stderr } = drover('--version');
    expect(stderr).toBe('');
    expect(stdout).toContain(version);
    expect(code).toBe(0);
  });
  it('explains itself', () => {
    const { code, stdout, stderr } = drover('--help');
    expect(stderr).toBe('');
    expect(stdout).toMatch(/usage/i);
    expect(code).toBe(0);
  });
  it('refuses what it does not know with exit 2 and a clean stdout', () => {
    const { code, stdout, stderr } = drover('no-such-command');
    expect(stdout).toBe('');
    expect(stderr).toContain('no-such-command');
    expect(code).toBe(2);
  });
  it('says in one line that Node is too old', () => {
    const older = 'data:text/javascript,Object.defineProperty(process,"versions",{value:{...process.versions,node:"20.20.2"}})';
    const { code, stdout, stderr } = run(process.execPath, ['--import', older, join(installed, 'bin', 'drover.mjs'), '--version'], app);
    expect(stderr).toMatch(/^drover: needs Node 24\.15 or newer; this is Node 20\.20\.2 at \S+\n$/);
    expect(stdout).toBe('');
    expect(code).toBe(1);
  });
});

describe('the public entrances', () => {
  it.each([
    ['drover/driver', ['DriverError', 'z']],
    ['drover/policy', ['z']],
  ])('%s is there', (entrance, names) => {
    const script = `const m = await import('${entrance}'); console.log(JSON.stringify(${JSON.stringify(names)}.filter((name) => m[name] === undefined)))`;
    const { code, stdout, stderr } = run(process.execPath, ['--input-type=module', '-e', script], app);
    expect(stderr).toBe('');
    expect(stdout.trim()).toBe('[]');
    expect(code).toBe(0);
  });
  it.each(['driver', 'policy', 'testing'])('drover/%s comes with its types', (name) => {
    expect(existsSync(join(installed, 'dist', 'types', 'entrances', `${name}.d.ts`))).toBe(true);
  });
});
