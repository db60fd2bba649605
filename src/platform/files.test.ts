import { chmodSync, lstatSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { realFiles } from './files.ts';

let dir: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'drover-files-'));
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

it('writes whole files and leaves no temporary one', async () => {
  const path = join(dir, 'a.txt');
  await realFiles.writeAtomic(path, 'one');
  await Promise.all(['two', 'three', 'four'].map((text) => realFiles.writeAtomic(path, text)));
  expect(['two', 'three', 'four']).toContain(readFileSync(path, 'utf8'));
  expect(readdirSync(dir)).toEqual(['a.txt']);
});

it('takes a file away, once or twice, and never a directory', async () => {
  const path = join(dir, 'gone.txt');
  await realFiles.writeAtomic(path, 'x');
  await realFiles.remove(path);
  await realFiles.remove(path);
  expect(await realFiles.exists(path)).toBe(false);
  mkdirSync(join(dir, 'stays'));
  await expect(realFiles.remove(join(dir, 'stays'))).rejects.toMatchObject({ message: expect.stringContaining('cannot remove') });
  expect(await realFiles.exists(join(dir, 'stays'))).toBe(true);
});

it('keeps the mode of a file, or sets the one asked for', async () => {
  const path = join(dir, 'mode.txt');
  await realFiles.writeAtomic(path, 'x', 0o600);
  expect(statSync(path).mode & 0o777).toBe(0o600);
  chmodSync(path, 0o640);
  await realFiles.writeAtomic(path, 'y');
  expect(statSync(path).mode & 0o777).toBe(0o640);
});

it('replaces what a link points to, not the link', async () => {
  const target = join(dir, 'target.txt');
  const link = join(dir, 'link.txt');
  writeFileSync(target, 'old');
  symlinkSync(target, link);
  await realFiles.writeAtomic(link, 'new');
  expect(lstatSync(link).isSymbolicLink()).toBe(true);
  expect(readFileSync(target, 'utf8')).toBe('new');
});

it('reads up to its limit and not beyond', async () => {
  const path = join(dir, 'big.txt');
  writeFileSync(path, 'ä'.repeat(100_000));
  expect(await realFiles.readText(path, 200_000)).toBe('ä'.repeat(100_000));
  await expect(realFiles.readText(path, 199_999)).rejects.toMatchObject({ code: 'bad-reply' });
  expect(await realFiles.readText('/proc/self/status', 65_536)).toContain('Name:'); // its size says 0
});

it('names what went wrong by the closed list', async () => {
  await expect(realFiles.readText(join(dir, 'missing'), 10)).rejects.toMatchObject({ code: 'not-found', definite: true });
  await expect(realFiles.readText(dir, 10)).rejects.toMatchObject({ code: 'bad-request' });
  await expect(realFiles.writeAtomic(join(dir, 'no', 'such', 'dir'), 'x')).rejects.toMatchObject({ code: 'not-found' });
  await expect(realFiles.ensureDir(join(dir, 'mode.txt'))).rejects.toMatchObject({ code: 'bad-request' });
  await expect(realFiles.ensureDir('/proc/no/such/dir')).rejects.toMatchObject({ code: 'not-found' });
});

it('makes directories and knows what exists', async () => {
  const deep = join(dir, 'x', 'y');
  await realFiles.ensureDir(deep, 0o700);
  await realFiles.ensureDir(deep);
  expect(statSync(deep).mode & 0o777).toBe(0o700);
  expect(await realFiles.exists(deep)).toBe(true);
  expect(await realFiles.exists(join(dir, 'nothing'))).toBe(false);
  mkdirSync(join(dir, 'z'));
  expect(realFiles.resolve(dir, './z', '../a')).toBe(join(dir, 'a'));
});
