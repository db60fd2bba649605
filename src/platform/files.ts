/** Files of the host, small and whole. Every failure is a DriverError that names the path. */
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { access, mkdir, open, realpath, rename, stat, unlink } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { DriverError } from '../ports/errors.ts';
import type { Files } from '../ports/processes.ts';

/** At once, for checks that cannot wait (names in a configuration). */
export function fileExists(path: string): boolean {
  return existsSync(path);
}

export const realFiles: Files = { readText, writeAtomic, ensureDir, remove, exists, resolve: (...parts) => resolve(...parts) };

async function readText(path: string, maxBytes: number): Promise<string> {
  try {
    await using file = await open(path, 'r');
    const chunks: Buffer[] = [];
    let size = 0;
    for (;;) {
      // One byte beyond the limit is enough to know that it is too large; the size in the directory may lie (pipes, /proc).
      const chunk = Buffer.alloc(Math.min(65_536, maxBytes + 1 - size));
      const { bytesRead } = await file.read(chunk, 0, chunk.length, null);
      if (bytesRead === 0) return Buffer.concat(chunks).toString('utf8');
      size += bytesRead;
      if (size > maxBytes) throw new DriverError('bad-reply', `${path} is larger than ${maxBytes} bytes`);
      chunks.push(chunk.subarray(0, bytesRead));
    }
  } catch (e) {
    throw fileError(e, 'read', path);
  }
}

/** Without `mode` a file that exists keeps its mode and a new one gets 0644 less the umask. A symbolic link stays and its target is replaced. */
async function writeAtomic(path: string, text: string, mode?: number): Promise<void> {
  const target = await realpath(path).catch(() => resolve(path));
  const temporary = join(dirname(target), `.${basename(target)}.${process.pid}.${randomBytes(4).toString('hex')}.tmp`);
  try {
    const keep = mode ?? (await modeOf(target));
    {
      await using file = await open(temporary, 'wx', keep ?? 0o644);
      // Only what the umask took away is given back: under Node's permission model nothing may be changed through a descriptor.
      if (keep !== null && ((await file.stat()).mode & 0o7777) !== keep) await file.chmod(keep);
      await file.writeFile(text);
      await file.sync();
    }
    await rename(temporary, target);
    // Without this the new name may be lost in a power cut although the bytes are safe.
    await using directory = await open(dirname(target), 'r');
    await directory.sync();
  } catch (e) {
    await unlink(temporary).catch(() => {});
    throw fileError(e, 'write', path);
  }
}

async function modeOf(path: string): Promise<number | null> {
  try {
    return (await stat(path)).mode & 0o7777;
  } catch {
    return null;
  }
}

async function ensureDir(path: string, mode?: number): Promise<void> {
  try {
    await makeDirs(resolve(path), mode ?? 0o777);
  } catch (e) {
    throw fileError(e, 'make directory', path);
  }
}

/** Not mkdir's own `recursive`: that one never returns where making a directory fails with ENOENT, as below /proc. */
async function makeDirs(path: string, mode: number): Promise<void> {
  try {
    await mkdir(path, { mode });
  } catch (e) {
    const code = (e as NodeJS.ErrnoException).code;
    if (code === 'EEXIST' && (await stat(path)).isDirectory()) return;
    if (code !== 'ENOENT' || dirname(path) === path) throw e;
    await makeDirs(dirname(path), mode);
    await mkdir(path, { mode }).catch((again: NodeJS.ErrnoException) => {
      if (again.code !== 'EEXIST') throw again;
    });
  }
}

async function remove(path: string): Promise<void> {
  try {
    await unlink(path);
  } catch (e) {
    if ((e as NodeJS.ErrnoException).code !== 'ENOENT') throw fileError(e, 'remove', path);
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    await access(path);
    return true;
  } catch {
    return false;
  }
}

function fileError(e: unknown, verb: string, path: string): DriverError {
  if (e instanceof DriverError) return e;
  const code = (e as NodeJS.ErrnoException).code ?? 'unknown error';
  const fail = (kind: DriverError['code'], why: string) => new DriverError(kind, `cannot ${verb} ${path}: ${why}`, { definite: true, cause: e });
  switch (code) {
    case 'ENOENT':
      return fail('not-found', 'no such file or directory');
    case 'EACCES':
    case 'EPERM':
      return fail('unauthorized', 'permission denied');
    case 'EROFS':
      return fail('unauthorized', 'the file system is read-only');
    case 'ENOSPC':
    case 'EDQUOT':
      return fail('quota', 'no space left');
    case 'EISDIR':
      return fail('bad-request', 'it is a directory');
    case 'ENOTDIR':
    case 'EEXIST':
      return fail('bad-request', 'a part of the path is not a directory');
    default:
      return fail('unknown', code);
  }
}
