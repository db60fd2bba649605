/** What a machine does once, before its application: its scripts, on its disk. */
import { spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { FirstBoot } from './machines.ts';

/** For each script, real time. */
const SCRIPT_TIMEOUT_MS = 10 * 60_000;
const MAX_VERSION_BYTES = 128;

/** Lays what a machine was given on its disk. Returns the scripts to run, in order: user data that begins with #!, then the script. */
export function writeDisk(disk: string, firstBoot: FirstBoot): string[] {
  mkdirSync(disk, { recursive: true, mode: 0o700 });
  const scripts: string[] = [];
  const lay = (name: string, text: string | null, runs: boolean) => {
    if (text === null) return;
    const path = join(disk, name);
    // They may hold passwords of whoever made the machine.
    writeFileSync(path, text, { mode: runs ? 0o700 : 0o600 });
    if (runs) scripts.push(path);
  };
  lay('user-data', firstBoot.userData, firstBoot.userData?.startsWith('#!') ?? false);
  lay('first-boot-script', firstBoot.script, true);
  return scripts;
}

/**
 * Runs them one after the other until one fails; what they say goes to `first-boot.log` on the disk. Processes they leave behind live as long
 * as the machine, unless they begin a session of their own.
 */
export async function runScripts(scripts: readonly string[], disk: string, env: Readonly<Record<string, string>>): Promise<boolean> {
  const log = openSync(join(disk, 'first-boot.log'), 'a', 0o600);
  try {
    for (const script of scripts) if (!(await runScript(script, disk, env, log))) return false;
    return true;
  } finally {
    closeSync(log);
  }
}

function runScript(script: string, disk: string, env: Readonly<Record<string, string>>, log: number): Promise<boolean> {
  return new Promise((resolve) => {
    const child = spawn(script, [], {
      cwd: disk,
      env: { PATH: process.env['PATH'] ?? '/usr/sbin:/usr/bin:/sbin:/bin', ...env },
      stdio: ['ignore', log, log],
      timeout: SCRIPT_TIMEOUT_MS,
      killSignal: 'SIGKILL',
    });
    child.once('error', (e) => {
      writeFileSync(log, `${e.message}\n`);
      resolve(false);
    });
    child.once('exit', (code) => resolve(code === 0));
  });
}

/** What the scripts wrote to `version` on the disk. Null: nothing that can stand in a header. */
export function readVersion(disk: string): string | null {
  try {
    const file = openSync(join(disk, 'version'), 'r');
    try {
      const buffer = Buffer.alloc(MAX_VERSION_BYTES);
      const text = buffer.subarray(0, readSync(file, buffer)).toString('latin1').trim();
      return /^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$/.test(text) ? text : null;
    } finally {
      closeSync(file);
    }
  } catch {
    return null;
  }
}
