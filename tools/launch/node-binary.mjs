/** Finds a Node new enough to run the sources, or brings one: pinned by version and sha512 in tools/node.json, from the package registry. */
import { accessSync, constants, existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { collect, onInterrupt } from './child.mjs';
import { withLock } from './lock.mjs';
import { findNpm, npmCi } from './npm.mjs';
import { CannotStart, say } from './say.mjs';

const FETCH_LIMIT_MS = 5 * 60_000;

/** @returns {boolean} whether version a ('24.15.0') is at least b. */
export function atLeast(a, b) {
  const [x, y] = [a, b].map((v) => v.split('.').map(Number));
  for (let i = 0; i < 3; i++) if (x[i] !== y[i]) return x[i] > y[i];
  return true;
}

/** Null when packaged Node runs here; else the reason why not. Alpine and other musl systems need their own build of Node. */
export function unsuitable(platform, header) {
  if (!platform.startsWith('linux')) return null;
  const glibc = header.glibcVersionRuntime;
  if (glibc === undefined) return 'this system uses musl, for which no Node can be brought';
  return atLeast(`${glibc}.0`, '2.28.0') ? null : `this system has glibc ${glibc}; Node 24 needs 2.28 or newer`;
}

function writable(dir) {
  try {
    mkdirSync(dir, { recursive: true });
    accessSync(dir, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

/** The user's cache, or a git-ignored folder of the project where there is no home to write to. */
export function cacheFolder(root, env = process.env) {
  const base = env.XDG_CACHE_HOME || join(env.HOME || homedir(), '.cache');
  for (const dir of [join(base, 'drover'), join(root, '.cache')]) if (writable(dir)) return dir;
  throw new CannotStart(`Node 24 has to be brought, and neither ${join(base, 'drover')} nor ${join(root, '.cache')} can be written`);
}

async function startOnce(binary, version) {
  const result = await collect(binary, ['--version'], { limitMs: 20_000 }).catch((error) => ({ code: -1, text: error.message }));
  if (result.text.trim() !== `v${version}`) throw new CannotStart(`Node ${version} was brought but does not start here: ${result.text.trim().slice(0, 300)}`);
}

async function fetchInto(cache, target, wanted) {
  for (const left of readdirSync(cache)) if (left.startsWith('tmp-')) rmSync(join(cache, left), { recursive: true, force: true });
  const temp = mkdtempSync(join(cache, 'tmp-'));
  const forget = onInterrupt(() => rmSync(temp, { recursive: true, force: true }));
  try {
    const dependencies = { [wanted.name]: wanted.version };
    const entry = { version: wanted.version, integrity: wanted.integrity };
    const lock = { name: 'drover-node', lockfileVersion: 3, requires: true, packages: { '': { dependencies }, [`node_modules/${wanted.name}`]: entry } };
    writeFileSync(join(temp, 'package.json'), JSON.stringify({ name: 'drover-node', private: true, dependencies }));
    writeFileSync(join(temp, 'package-lock.json'), JSON.stringify(lock));
    say(`bringing Node ${wanted.version} (about 50 MB, once; kept in ${cache})`);
    const failed = await npmCi(findNpm(process.execPath), temp, { env: process.env, limitMs: FETCH_LIMIT_MS });
    if (failed !== null) throw new CannotStart(`Node ${wanted.version} could not be brought: ${failed.why}.\n${failed.words}`, failed.integrity ? 65 : 69);
    const brought = join(temp, 'node_modules', wanted.name);
    await startOnce(join(brought, 'bin', 'node'), wanted.version);
    rmSync(target, { recursive: true, force: true });
    renameSync(brought, target);
  } finally {
    forget();
    rmSync(temp, { recursive: true, force: true });
  }
}

/** Path of a Node that is new enough. `pins` is tools/node.json. */
export async function bringNode(root, pins, running = process) {
  if (atLeast(running.versions.node, pins.minimum)) return running.execPath;
  const platform = `${running.platform}-${running.arch}`;
  const needs = `Drover needs Node ${pins.minimum} or newer; this is Node ${running.versions.node} at ${running.execPath}`;
  const wanted = pins.packages[platform];
  if (wanted === undefined) throw new CannotStart(`${needs}, and none can be brought for ${platform}. Install it from nodejs.org and try again.`);
  const cache = cacheFolder(root);
  const target = join(cache, `node-${wanted.version}-${platform}`);
  const binary = join(target, 'bin', 'node');
  if (existsSync(binary)) return binary;
  const why = unsuitable(platform, running.report.getReport().header);
  if (why !== null) throw new CannotStart(`${needs}, and ${why}. Install a newer Node and try again.`);
  await withLock(join(cache, 'node.lock'), 'bringing Node', async () => {
    if (!existsSync(binary)) await fetchInto(cache, target, wanted);
  });
  return binary;
}
