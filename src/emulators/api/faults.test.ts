import { describe, expect, it } from 'vitest';
import { FaultBook, type FaultInput, faultSchema } from './faults.ts';

describe('fault book', () => {
  const book = (...faults: FaultInput[]) => {
    const made = new FaultBook();
    for (const fault of faults) made.add(faultSchema.parse(fault));
    return made;
  };

  it('meets by method and path, so often as asked, after those it lets pass', () => {
    const faults = book({ kind: 'error', method: 'POST', path: '/linode/instances', count: 2, skip: 1 });
    expect(faults.meet('GET', '/linode/instances', true).before).toBeNull();
    expect(faults.meet('POST', '/linode/instances/5', false).before).toBeNull();
    const met = Array.from({ length: 4 }, () => faults.meet('POST', '/linode/instances', false).before !== null);
    expect(met).toEqual([false, true, true, false]);
    expect(faults.list()).toEqual([]);
  });

  it('takes * for one part and ** for any rest', () => {
    const one = book({ kind: 'busy', path: '/a/*/boot', count: null });
    expect(one.meet('POST', '/a/1/boot', false).before).toMatchObject({ kind: 'busy' });
    expect(one.meet('POST', '/a/1/2/boot', false).before).toBeNull();
    const rest = book({ kind: 'busy', path: '/a/**', count: null });
    expect(rest.meet('POST', '/a/1/2/boot', false).before).not.toBeNull();
    expect(rest.meet('POST', '/b', false).before).toBeNull();
  });

  it('meets by a text in the body, and leaves other bodies alone', () => {
    const faults = book({ kind: 'quota', contains: '"label":"web-' });
    expect(faults.meet('POST', '/linode/instances', false, '{"label":"shop-1"}').before).toBeNull();
    expect(faults.meet('GET', '/linode/instances', true).before).toBeNull();
    expect(faults.meet('POST', '/linode/instances', false, '{"label":"web-1"}').before).toMatchObject({ kind: 'quota' });
    expect(faults.list()).toEqual([]);
  });

  it('joins delays and stale lists with one other fault, and keeps the rest for later calls', () => {
    const faults = book({ kind: 'delay', ms: 5 }, { kind: 'stale', age_s: 3 }, { kind: 'error_after', status: 502 }, { kind: 'lost_answer' });
    expect(faults.meet('GET', '/x', true)).toMatchObject({ delayMs: 5, staleMs: 3000, after: { status: 502 }, before: null, cut: null });
    expect(faults.meet('GET', '/x', true)).toMatchObject({ delayMs: 0, staleMs: 0, after: null, cut: 'after' });
    expect(faults.list()).toEqual([]);
  });

  it('keeps a stale list for a call that lists', () => {
    const faults = book({ kind: 'stale', age_s: 1 });
    expect(faults.meet('GET', '/x', false).staleMs).toBe(0);
    expect(faults.meet('GET', '/x', true).staleMs).toBe(1000);
  });

  it('removes one and all', () => {
    const faults = book({ kind: 'busy' }, { kind: 'busy' });
    expect(faults.remove(1)).toBe(true);
    expect(faults.remove(1)).toBe(false);
    expect(faults.list().map((each) => each.id)).toEqual([2]);
    faults.clear();
    expect(faults.list()).toEqual([]);
  });

  it('has a limit', () => {
    const faults = new FaultBook();
    for (let n = 0; n < 1000; n++) faults.add(faultSchema.parse({ kind: 'busy' }));
    expect(() => faults.add(faultSchema.parse({ kind: 'busy' }))).toThrow(RangeError);
  });
});
