/** Installs what package-lock.json lists, once per lock file. */
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { withLock } from './lock.mjs';
import { findNpm, npmCi } from './npm.mjs';
import { CannotStart, say } from './say.mjs';

const INSTALL_LIMIT_MS = 10 * 60_000;

function read(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
}

function fits(list, value) {
  if (list === undefined) return true;
  const all = [list].flat();
  if (all.includes(`!${value}`)) return false;
  return all.includes(value) || all.every((each) => each.startsWith('!'));
}

/**
 * Whether npm's own record of what it installed covers the lock file, as after a person's own `npm ci`: then nothing is reinstalled,
 * which would pull node_modules away under whatever is running.
 */
export function covers(installed, lock, { platform, arch, glibc }) {
  const libc = glibc ? 'glibc' : 'musl';
  return Object.entries(lock.packages).every(([path, entry]) => {
    if (path === '' || entry.link) return true;
    const elsewhere = !fits(entry.os, platform) || !fits(entry.cpu, arch) || (platform === 'linux' && !fits(entry.libc, libc));
    if (elsewhere && entry.optional) return true;
    if (entry.peer && entry.optional) return true;
    return installed.packages?.[path]?.version === entry.version;
  });
}

function nodeVersion(nodePath, root) {
  return nodePath === process.execPath ? process.versions.node : nodePath.replace(root, '');
}

/** Makes node_modules match the lock file. `env` has the chosen Node first on its PATH. */
export async function bringDependencies(root, nodePath, env) {
  const lockText = read(join(root, 'package-lock.json'));
  if (lockText === null) throw new CannotStart(`${join(root, 'package-lock.json')} is missing: this copy of the sources is incomplete`);
  const modules = join(root, 'node_modules');
  const stampPath = join(modules, '.drover-stamp');
  const stamp = createHash('sha256')
    .update(`${lockText}\n${nodeVersion(nodePath, root)}\n${process.platform}-${process.arch}`)
    .digest('hex');
  if (read(stampPath) === stamp) return;
  await withLock(join(root, '.cache', 'install.lock'), 'installing dependencies', async () => {
    if (read(stampPath) === stamp) return;
    const record = read(join(modules, '.package-lock.json'));
    const here = { platform: process.platform, arch: process.arch, glibc: process.platform !== 'linux' || hasGlibc() };
    if (record === null || !covers(JSON.parse(record), JSON.parse(lockText), here)) {
      say('installing dependencies (once per change of package-lock.json)');
      const failed = await npmCi(findNpm(nodePath, env), root, { env, limitMs: INSTALL_LIMIT_MS });
      if (failed !== null) throw new CannotStart(`dependencies could not be installed: ${failed.why}.\n${failed.words}`, failed.integrity ? 65 : 69);
    }
    mkdirSync(modules, { recursive: true });
    writeFileSync(stampPath, stamp);
  });
}

function hasGlibc() {
  return process.report.getReport().header.glibcVersionRuntime !== undefined;
}
