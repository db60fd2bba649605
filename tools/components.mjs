/**
 * Real components that tests talk to, from Debian's packages. Where apt-get and root are at hand the missing ones are installed; where they
 * are not, the tests that need them are skipped by name. Nothing installed here is left running as a service.
 */
import { spawnSync } from 'node:child_process';
import { accessSync, chmodSync, constants, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';

const APT_LIMIT_MS = 4 * 60_000;
const POLICY = '/usr/sbin/policy-rc.d';
const APT_FLAGS = ['-y', '-q', '--no-install-recommends', '-o', 'DPkg::Lock::Timeout=60', '-o', 'Acquire::Retries=1', '-o', 'Acquire::http::Timeout=20'];

function has(program) {
  const dirs = `${process.env.PATH ?? ''}${delimiter}/usr/sbin${delimiter}/usr/local/sbin${delimiter}/sbin`.split(delimiter);
  return dirs.some((dir) => {
    try {
      accessSync(join(dir, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

export function listComponents() {
  return JSON.parse(readFileSync(new URL('./components.json', import.meta.url), 'utf8'));
}

function apt(args, deadline) {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' };
  const result = spawnSync('apt-get', args, { env, encoding: 'utf8', timeout: Math.ceil(Math.max(1000, deadline - performance.now())), maxBuffer: 64 << 20 });
  return { ok: result.status === 0, text: `${result.stdout ?? ''}${result.stderr ?? ''}${result.error?.message ?? ''}` };
}

/** Debian starts what it installs unless this file says no; it is put there for the time of the installation only. */
function withoutServices(work) {
  if (existsSync(POLICY)) return work();
  writeFileSync(POLICY, '#!/bin/sh\nexit 101\n');
  try {
    chmodSync(POLICY, 0o755);
    return work();
  } finally {
    rmSync(POLICY, { force: true });
  }
}

/** All at once; after a failure one by one, so that one package this system does not have does not cost the others. Returns what went wrong. */
function install(packages) {
  const deadline = performance.now() + APT_LIMIT_MS;
  const one = (names) => apt(['install', ...APT_FLAGS, ...names], deadline);
  return withoutServices(() => {
    if (one(packages).ok) return [];
    const update = apt(['update', '-q'], deadline);
    if (!update.ok) return [update.text];
    return packages.map((name) => one([name])).flatMap((result) => (result.ok ? [] : [result.text]));
  });
}

/** Installs what is missing where that is possible. Returns the components that are still missing; never throws. */
export function bringComponents(say) {
  const wanted = listComponents();
  const missing = wanted.filter((each) => !has(each.program));
  if (missing.length === 0) return [];
  const names = missing.map((each) => each.package).join(', ');
  if (!has('apt-get') || process.getuid?.() !== 0) {
    say(`not on this machine: ${names}. Tests that need them are skipped (they are installed where apt-get and root are at hand)`);
    return missing;
  }
  say(`installing ${names} with apt-get`);
  try {
    for (const text of install(missing.map((each) => each.package))) say(`apt-get could not: ${text.trim().split('\n').slice(-3).join(' | ')}`);
  } catch (error) {
    say(`apt-get could not: ${error.message}`);
  }
  const still = wanted.filter((each) => !has(each.program));
  if (still.length > 0) say(`not on this machine: ${still.map((each) => each.package).join(', ')}. Tests that need them are skipped`);
  return still;
}
