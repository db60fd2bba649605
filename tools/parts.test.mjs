import { describe, expect, it } from 'vitest';
import { outputOf } from './build.mjs';
import { missingEntries, platformOf } from './complete-lock.mjs';
import { listComponents } from './components.mjs';
import { countReport, PARTS, sum } from './parts.mjs';

const test = (status, ...ancestorTitles) => ({ status, ancestorTitles, title: 't' });

describe('counting', () => {
  it('adds up tests and names skipped suites once', () => {
    const report = {
      testResults: [{ status: 'passed', assertionResults: [test('passed'), test('skipped', 'a [needs x]'), test('pending', 'a [needs x]'), test('todo')] }],
    };
    expect(countReport(report)).toEqual({ passed: 1, failed: 0, skipped: 3, skippedSuites: ['a [needs x]', 't'] });
  });
  it('counts a file that cannot be loaded as a failure', () => {
    expect(countReport({ testResults: [{ status: 'failed', assertionResults: [] }] })).toMatchObject({ passed: 0, failed: 1 });
  });
  it('counts a suite whose preparation fails as a failure, not as skipped for a reason', () => {
    const report = { testResults: [{ status: 'failed', assertionResults: [test('skipped', 'contract'), test('passed')] }] };
    expect(countReport(report)).toEqual({ passed: 1, failed: 1, skipped: 1, skippedSuites: [] });
  });
  it('adds up runs', () => {
    const runs = [
      { passed: 2, failed: 0, skipped: 1, skippedSuites: ['a [needs x]'] },
      { passed: 3, failed: 1, skipped: 0, skippedSuites: [] },
    ];
    expect(sum(runs)).toEqual({ passed: 5, failed: 1, skipped: 1, skippedSuites: ['a [needs x]'] });
    expect(sum([])).toEqual({ passed: 0, failed: 0, skipped: 0, skippedSuites: [] });
  });
});

describe('parts', () => {
  it('have names of their own, a limit, and either commands or a project', () => {
    expect(new Set(PARTS.map((part) => part.name)).size).toBe(PARTS.length);
    for (const part of PARTS) {
      expect(part.limitMs).toBeGreaterThan(0);
      expect([part.commands !== undefined, part.project !== undefined].filter(Boolean)).toHaveLength(1);
    }
  });
  it('list components by program and package', () => {
    for (const each of listComponents())
      expect(each).toEqual({ program: expect.stringMatching(/^[a-z0-9-]+$/), package: expect.stringMatching(/^[a-z0-9.+-]+$/) });
  });
});

describe('outputs of the build', () => {
  it.each([
    ['src/cli/main.ts', 'cli/main'],
    ['src/entrances/driver.ts', 'entrances/driver'],
    ['src/emulators/web/main.ts', 'emulators-web/main'],
  ])('%s stands one folder deep', (path, output) => {
    expect(outputOf(path)).toBe(output);
  });
});

describe('the lock file', () => {
  it('gets what another platform needs, marked for that platform', () => {
    const lock = {
      packages: { '': {}, 'node_modules/a': { dev: true, optionalDependencies: { '@a/linux-x64-musl': '1.2.3', '@a/win32-arm64-msvc': '1.2.3' } } },
    };
    expect(missingEntries(lock)).toEqual({
      'node_modules/@a/linux-x64-musl': { version: '1.2.3', os: ['linux'], cpu: ['x64'], libc: ['musl'], dev: true, optional: true },
      'node_modules/@a/win32-arm64-msvc': { version: '1.2.3', os: ['win32'], cpu: ['arm64'], dev: true, optional: true },
    });
    expect(missingEntries({ packages: { ...lock.packages, ...missingEntries(lock) } })).toEqual({});
  });
  it('is not guessed at where the name says no platform', () => {
    expect(platformOf('fsevents')).toBeNull();
    expect(() => missingEntries({ packages: { 'node_modules/a': { optionalDependencies: { fsevents: '2.0.0' } } } })).toThrow('by hand');
  });
});
