/** The launcher against a package registry of our own on 127.0.0.1, with a "Node" that is a shell script. */
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { covers } from './dependencies.mjs';
import { atLeast, bringNode, unsuitable } from './node-binary.mjs';
import { explainNpm } from './npm.mjs';

const HERE = dirname(fileURLToPath(import.meta.url));
const VERSION = '24.99.0';
const NAME = 'node-test-platform';

let base;
let server;
let tarball;
let integrity;
let downloads = 0;
let delayMs = 0;
const children = new Set();

/** A package whose bin/node is a script that claims to be this Node, and really runs on the one we have. */
function makeTarball(dir) {
  const folder = join(dir, 'package');
  mkdirSync(join(folder, 'bin'), { recursive: true });
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ name: NAME, version: VERSION, bin: { node: 'bin/node' } }));
  writeFileSync(join(folder, 'bin', 'node'), `#!/bin/sh\nif [ "$1" = --version ]; then echo v${VERSION}; else exec '${process.execPath}' "$@"; fi\n`);
  chmodSync(join(folder, 'bin', 'node'), 0o755);
  const path = join(dir, 'package.tgz');
  const made = spawnSync('tar', ['-czf', path, '-C', dir, 'package']);
  if (made.status !== 0) throw new Error(String(made.stderr));
  return readFileSync(path);
}

beforeAll(async () => {
  base = mkdtempSync(join(tmpdir(), 'drover-launch-'));
  tarball = makeTarball(base);
  integrity = `sha512-${createHash('sha512').update(tarball).digest('base64')}`;
  server = createServer(async (request, response) => {
    if (request.url.endsWith('.tgz')) {
      downloads += 1;
      await sleep(delayMs);
      response.end(tarball);
      return;
    }
    const dist = { tarball: `http://127.0.0.1:${server.address().port}/${NAME}.tgz`, integrity };
    const manifest = (version) => ({ name: NAME, version, bin: { node: 'bin/node' }, dist });
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify({ name: NAME, 'dist-tags': { latest: VERSION }, versions: { [VERSION]: manifest(VERSION), '24.98.0': manifest('24.98.0') } }));
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
});
afterAll(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  rmSync(base, { recursive: true, force: true });
});

/** A project with the launcher in it and no dependencies; its task prints its arguments, or waits for a signal. */
let root;
let cache;
beforeEach(() => {
  downloads = 0;
  delayMs = 0;
  root = mkdtempSync(join(base, 'project-'));
  cache = join(root, 'xdg');
  mkdirSync(join(root, 'tools'), { recursive: true });
  cpSync(HERE, join(root, 'tools', 'launch'), { recursive: true });
  cpSync(join(HERE, '..', 'run.mjs'), join(root, 'tools', 'run.mjs'));
  writeFileSync(join(root, 'package.json'), JSON.stringify({ name: 'p', version: '1.0.0' }));
  writeFileSync(
    join(root, 'package-lock.json'),
    JSON.stringify({ name: 'p', version: '1.0.0', lockfileVersion: 3, packages: { '': { name: 'p', version: '1.0.0' } } }),
  );
  writeFileSync(
    join(root, 'tools', 'test.mjs'),
    `const [how, what] = process.argv.slice(2);
if (how === 'wait') {
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => { console.log('task got ' + signal); process.exit(7); });
  setInterval(() => {}, 1000);
  console.log('waiting ' + process.pid);
} else if (how === 'die') process.kill(process.pid, 'SIGKILL');
else { console.log('task ' + JSON.stringify(process.argv.slice(2)) + ' ' + process.env.PATH.split(':')[0]); process.exitCode = Number(what ?? 0); }`,
  );
});
afterEach(() => {
  for (const child of children) child.kill('SIGKILL');
  children.clear();
});

function pin(over = {}) {
  const pins = { minimum: '999.0.0', packages: { [`${process.platform}-${process.arch}`]: { name: NAME, version: VERSION, integrity, ...over } } };
  writeFileSync(join(root, 'tools', 'node.json'), JSON.stringify(pins));
}

function start(args, { registry = `http://127.0.0.1:${server.address().port}/`, env = {} } = {}) {
  const kept = Object.entries(process.env).filter(([name]) => !/^npm_/i.test(name));
  const all = {
    ...Object.fromEntries(kept),
    HOME: join(root, 'home'),
    XDG_CACHE_HOME: cache,
    npm_config_registry: registry,
    npm_config_cache: join(root, 'npm'),
    ...env,
  };
  const child = spawn(process.execPath, [join(root, 'tools', 'run.mjs'), ...args], { cwd: root, env: all, stdio: ['ignore', 'pipe', 'pipe'] });
  children.add(child);
  const result = { child, stdout: '', stderr: '' };
  child.stdout.on('data', (chunk) => {
    result.stdout += chunk;
  });
  child.stderr.on('data', (chunk) => {
    result.stderr += chunk;
  });
  result.ended = new Promise((resolve) => child.on('close', (code, signal) => resolve({ code, signal, ...result })));
  return result;
}

async function until(condition) {
  const deadline = performance.now() + 30_000;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error('has not come true within 30 s');
    await sleep(20);
  }
}

describe('bringing Node', () => {
  it('brings it once, puts it first on PATH, passes arguments and exit code on, talks on stderr only', async () => {
    pin();
    const first = await start(['test', 'say', '5']).ended;
    expect(first.stderr).toContain(`bringing Node ${VERSION}`);
    expect(first.stdout).toMatch(/^task \["say","5"\] \S+node-24\.99\.0-\S+\/bin\n$/);
    expect(first.code).toBe(5);
    const second = await start(['test', 'say'], { registry: 'http://127.0.0.1:9/' }).ended;
    expect(second).toMatchObject({ code: 0, stderr: '' });
    expect(downloads).toBe(1);
  });
  it('refuses a package with another hash', async () => {
    pin({ integrity: `sha512-${createHash('sha512').update('something else').digest('base64')}` });
    const { code, stderr, stdout } = await start(['test']).ended;
    expect(stderr).toContain('wrong sha512');
    expect(code).toBe(65);
    expect(stdout).toBe('');
    expect(readdirSync(join(cache, 'drover'))).toEqual([]);
  });
  it('refuses a Node that does not start here', async () => {
    pin({ version: '24.98.0' });
    const { code, stderr } = await start(['test']).ended;
    expect(stderr).toContain('Node 24.98.0 was brought but does not start here');
    expect(code).toBe(69);
    expect(readdirSync(join(cache, 'drover'))).toEqual([]);
  });
  it('says what is needed where none can be brought', async () => {
    await expect(bringNode(root, { minimum: '999.0.0', packages: {} })).rejects.toThrow(/needs Node 999\.0\.0 or newer; this is Node .* none can be brought/);
  });
  it('says within seconds that the registry cannot be reached, with exit 69', async () => {
    pin();
    const { code, stderr } = await start(['test'], { registry: 'http://127.0.0.1:9/' }).ended;
    expect(stderr).toContain('the package registry could not be reached or refused (ECONNREFUSED)');
    expect(code).toBe(69);
  });
  it('fetches once when four start together', async () => {
    pin();
    delayMs = 300;
    const all = await Promise.all([0, 1, 2, 3].map((code) => start(['test', 'say', String(code)]).ended));
    expect(all.map((each) => each.code)).toEqual([0, 1, 2, 3]);
    expect(downloads).toBe(1);
    expect(readdirSync(join(cache, 'drover'))).toHaveLength(1);
  });
  it('heals after a start that was killed in the middle', async () => {
    pin();
    delayMs = 60_000;
    const killed = start(['test']);
    await until(() => downloads === 1);
    killed.child.kill('SIGKILL');
    await killed.ended;
    expect(readdirSync(join(cache, 'drover'))).toContain('node.lock');
    delayMs = 0;
    const next = await start(['test', 'say', '3']).ended;
    expect(next.code).toBe(3);
    expect(readdirSync(join(cache, 'drover')).filter((name) => !name.startsWith('node-'))).toEqual([]);
  });
  it('cleans up when it is told to stop in the middle', async () => {
    pin();
    delayMs = 60_000;
    const stopped = start(['test']);
    await until(() => downloads === 1);
    stopped.child.kill('SIGTERM');
    expect((await stopped.ended).code).toBe(143);
    expect(readdirSync(join(cache, 'drover'))).toEqual([]);
  });
  it('keeps it in the project where the home cannot be written', async () => {
    pin();
    writeFileSync(join(root, 'a-file'), '');
    const { code } = await start(['test', 'say', '0'], { env: { XDG_CACHE_HOME: join(root, 'a-file') } }).ended;
    expect(code).toBe(0);
    expect(readdirSync(join(root, '.cache')).filter((name) => name.startsWith('node-24.99.0-'))).toHaveLength(1);
  });
  it('uses the installed one when it is new enough', async () => {
    const exact = process.versions.node;
    expect(await bringNode('/nowhere', { minimum: exact, packages: {} })).toBe(process.execPath);
  });
  it('compares versions by number, and knows where packaged Node does not run', () => {
    expect([atLeast('24.15.0', '24.15.0'), atLeast('24.9.0', '24.15.0'), atLeast('26.0.0', '24.15.0'), atLeast('24.15.1', '24.15.2')]).toEqual([
      true,
      false,
      true,
      false,
    ]);
    expect(unsuitable('linux-x64', {})).toContain('musl');
    expect(unsuitable('linux-x64', { glibcVersionRuntime: '2.17' })).toContain('2.28');
    expect(unsuitable('linux-x64', { glibcVersionRuntime: '2.36' })).toBeNull();
    expect(unsuitable('darwin-arm64', {})).toBeNull();
  });
});

describe('the task', () => {
  const ready = () => {
    pin();
    writeFileSync(join(root, 'tools', 'node.json'), JSON.stringify({ minimum: '18.0.0', packages: {} }));
  };
  it.each(['SIGINT', 'SIGTERM'])('gets %s and is not left behind', async (signal) => {
    ready();
    const run = start(['test', 'wait']);
    await until(() => run.stdout.includes('waiting'));
    const pid = Number(/waiting (\d+)/.exec(run.stdout)[1]);
    run.child.kill(signal);
    const end = await run.ended;
    expect(end.stdout).toContain(`task got ${signal}`);
    expect(end.code).toBe(7);
    expect(() => process.kill(pid, 0)).toThrow('ESRCH');
  });
  it('that dies by a signal makes the launcher die by it', async () => {
    ready();
    expect(await start(['test', 'die']).ended).toMatchObject({ code: null, signal: 'SIGKILL' });
  });
  it('must exist', async () => {
    ready();
    const { code, stderr } = await start(['tset']).ended;
    expect(stderr).toContain('no task tset');
    expect(code).toBe(64);
  });
});

describe('dependencies', () => {
  const lock = {
    packages: {
      '': {},
      'node_modules/a': { version: '1.0.0' },
      'node_modules/a-linux': { version: '1.0.0', optional: true, os: ['linux'], cpu: ['x64'], libc: ['glibc'] },
      'node_modules/a-musl': { version: '1.0.0', optional: true, os: ['linux'], cpu: ['x64'], libc: ['musl'] },
      'node_modules/a-darwin': { version: '1.0.0', optional: true, os: ['darwin'] },
    },
  };
  const here = { platform: 'linux', arch: 'x64', glibc: true };
  const record = (...names) => ({ packages: Object.fromEntries(names.map((name) => [`node_modules/${name}`, { version: '1.0.0' }])) });

  it('are not installed again over an installation that covers the lock file', () => {
    expect(covers(record('a', 'a-linux'), lock, here)).toBe(true);
    expect(covers(record('a', 'a-darwin'), lock, { ...here, platform: 'darwin' })).toBe(true);
  });
  it('are installed when one is missing, older, or left out as optional', () => {
    expect(covers(record('a'), lock, here)).toBe(false);
    expect(covers(record('a-linux'), lock, here)).toBe(false);
    expect(covers({ packages: { 'node_modules/a': { version: '0.9.0' }, 'node_modules/a-linux': { version: '1.0.0' } } }, lock, here)).toBe(false);
  });
  it('are stamped, so that the next start does not look', async () => {
    writeFileSync(join(root, 'tools', 'node.json'), JSON.stringify({ minimum: '18.0.0', packages: {} }));
    mkdirSync(join(root, 'node_modules'));
    const first = await start(['test', 'say', '0']).ended;
    expect(first.stderr).toContain('installing dependencies');
    expect(existsSync(join(root, 'node_modules', '.drover-stamp'))).toBe(true);
    expect((await start(['test', 'say', '0']).ended).stderr).toBe('');
  });
  it('that cannot be had are explained by what npm said', () => {
    expect(explainNpm('npm error code EINTEGRITY', false)).toContain('sha512');
    expect(explainNpm('npm error code ENOTFOUND', false)).toContain('ENOTFOUND');
    expect(explainNpm('npm error code E503', false)).toContain('E503');
    expect(explainNpm('', true)).toContain('in time');
    expect(explainNpm('npm error code ENOSPC', false)).toContain('full');
  });
});
