import { describe, expect, test } from 'vitest';
import { group, MINUTE, settled, T0 } from './fixtures/group.ts';
import type { RemovalCause } from './model/instance.ts';
import type { GroupMemory } from './model/snapshot.ts';
import {
  allowDestruction,
  forgetOvercome,
  initialMemory,
  rememberDestruction,
  rememberLaunch,
  rememberLaunchFailure,
  rememberLaunchSuccess,
} from './remember.ts';

const spec = group();
const memory = settled(spec, 4);
const fail = (m: GroupMemory, atMs: number, retryAfterMs: number | null = null) =>
  rememberLaunchFailure(m, 'capacity', 'BLOCKED_NO_STOCK', 'none left', atMs, retryAfterMs);

describe('back-off', () => {
  test('doubles from 30 s to 30 min', () => {
    let m = memory;
    let at = T0;
    const waits: number[] = [];
    for (let k = 0; k < 9; k++) {
      m = fail(m, at);
      const next = m.backoff['capacity']?.nextTryMs ?? 0;
      waits.push((next - at) / 1000);
      at = next;
    }
    expect(waits).toEqual([30, 60, 120, 240, 480, 960, 1800, 1800, 1800]);
  });
  test('ten refusals at once are one failure', () => {
    let m = memory;
    for (let k = 0; k < 10; k++) m = fail(m, T0 + k);
    expect(m.backoff['capacity']).toMatchObject({ failures: 1, nextTryMs: T0 + 30_000, lastMs: T0 + 9 });
  });
  test('what the cloud asks for is obeyed', () => {
    expect(fail(memory, T0, 90_000).backoff['capacity']?.nextTryMs).toBe(T0 + 90_000);
    expect(fail(fail(memory, T0), T0 + 1_000, 90_000).backoff['capacity']?.nextTryMs).toBe(T0 + 91_000);
  });
  test('classes wait on their own; a creation ends those of creating only', () => {
    const both = rememberLaunchFailure(fail(memory, T0), 'boot', 'BLOCKED_BOOT', 'late', T0, null);
    const created = rememberLaunchSuccess(both);
    expect(Object.keys(created.backoff)).toEqual(['boot']);
    expect(rememberLaunchSuccess(created)).toBe(created);
    expect(rememberLaunchSuccess(both, 'serving').backoff).toEqual({});
    expect(rememberLaunchSuccess(memory)).toBe(memory);
  });
  test('a machine that serves ends failures of booting before it', () => {
    const m = rememberLaunchFailure(memory, 'boot', 'BLOCKED_BOOT', 'late', T0, null);
    expect(forgetOvercome(m, T0 - 1)).toBe(m.backoff);
    expect(forgetOvercome(m, null)).toBe(m.backoff);
    expect(forgetOvercome(m, T0 + 1)).toEqual({});
  });
});

describe('destruction budget', () => {
  const after = (causes: readonly RemovalCause[], stepMs = 1_000) => causes.reduce((m, cause, i) => rememberDestruction(m, cause, T0 + i * stepMs), memory);
  const allow = (m: GroupMemory, target: number, cause: RemovalCause, atMs = T0 + 10_000) => allowDestruction(spec, m, target, cause, atMs);
  test('all causes together: two or half, whichever is more', () => {
    expect(allow(after(['scale-in']), 3, 'scale-in')).toEqual({ ok: true });
    expect(allow(after(['scale-in', 'boot-failed']), 3, 'scale-in')).toEqual({
      ok: false,
      retryAtMs: T0 + 5 * MINUTE,
      detail: '2 of 2 deletions in 5 min used',
    });
    expect(allow(after(['scale-in', 'boot-failed', 'orphan', 'duplicate']), 10, 'scale-in').ok).toBe(true);
    // Five of ten are gone already: the share is of the ten that were there when the window began.
    expect(allow(after(Array.from({ length: 5 }, () => 'scale-in' as const)), 5, 'scale-in')).toMatchObject({
      ok: false,
      detail: '5 of 5 deletions in 5 min used',
    });
    expect(allow(after(Array.from({ length: 4 }, () => 'scale-in' as const)), 6, 'scale-in').ok).toBe(true);
  });
  test('replacements: one or a tenth', () => {
    expect(allow(memory, 4, 'replace-old').ok).toBe(true);
    expect(allow(after(['replace-unhealthy']), 19, 'replace-old')).toMatchObject({ ok: false, detail: '1 of 1 replacements in 5 min used' });
    expect(allow(after(['replace-unhealthy']), 20, 'replace-old').ok).toBe(true);
    expect(allow(after(['scale-in', 'scale-in']), 3, 'replace-old')).toMatchObject({ ok: false, detail: '2 of 2 deletions in 5 min used' });
  });
  test('what vanished and what a person ordered is apart', () => {
    expect(allow(after(['forced', 'forced', 'vanished', 'vanished']), 2, 'scale-in').ok).toBe(true);
    expect(allow(after(['scale-in', 'scale-in', 'scale-in']), 2, 'forced').ok).toBe(true);
    expect(allow(after(['scale-in', 'scale-in', 'scale-in']), 2, 'vanished').ok).toBe(true);
  });
  test('what was deleted and launched again does not make the group larger', () => {
    const gone = after(['boot-failed', 'boot-failed', 'boot-failed', 'boot-failed', 'boot-failed']);
    expect(allow(gone, 10, 'scale-in')).toMatchObject({ ok: false, detail: '5 of 5 deletions in 5 min used' });
    const back = rememberLaunch(rememberLaunch(after(['scale-in', 'scale-in']), T0 + 5_000), T0 + 6_000);
    expect(allow(rememberDestruction(back, 'scale-in', T0 + 7_000), 5, 'scale-in')).toMatchObject({ ok: false, detail: '3 of 3 deletions in 5 min used' });
  });
  test('scale-in one by one never passes the share of what there was, in any window', () => {
    for (const size of [2, 3, 6, 7, 20]) {
      let m = settled(spec, size);
      let there = size;
      const deleted: number[] = [];
      for (let at = T0; at < T0 + 20 * MINUTE; at += 20_000) {
        if (there <= 1 || !allowDestruction(spec, m, there, 'scale-in', at).ok) continue;
        m = rememberDestruction(m, 'scale-in', at);
        deleted.push(at);
        there--;
      }
      expect(there).toBeLessThan(size);
      for (const from of deleted) {
        const before = size - deleted.filter((at) => at < from).length;
        const within = deleted.filter((at) => at >= from && at < from + 5 * MINUTE).length;
        expect(within).toBeLessThanOrEqual(Math.max(2, Math.floor(0.5 * before)));
      }
    }
  });
  test('the window slides', () => {
    const m = after(['scale-in', 'scale-in'], MINUTE);
    const refused = allow(m, 2, 'scale-in', T0 + 2 * MINUTE);
    expect(refused).toMatchObject({ ok: false, retryAtMs: T0 + 5 * MINUTE });
    expect(allow(m, 2, 'scale-in', T0 + 5 * MINUTE).ok).toBe(true);
  });
});

test('launches of the last hour', () => {
  expect(rememberLaunch(rememberLaunch(memory, T0), T0 + 61 * MINUTE).launched).toEqual([T0 + 61 * MINUTE]);
});

test('the first memory knows nothing and has no right to shrink', () => {
  const m = initialMemory(spec, T0, 3);
  expect(m).toMatchObject({ target: 3, lastGapMs: T0, config: '', reached: true });
  expect(initialMemory(spec, T0, 0).reached).toBe(false);
  expect(JSON.parse(JSON.stringify(m))).toEqual(m);
});
