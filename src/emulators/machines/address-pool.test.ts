import { isIPv6 } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { AddressPool, V6Pool } from './address-pool.ts';
import { openLoopback } from './loopback.ts';
import type { Network } from './machines.ts';

describe('pools of addresses', () => {
  it('hands out the lowest free one, over several ranges, and says when none is left', () => {
    const pool = new AddressPool('public', [
      { first: '203.0.113.254', last: '203.0.113.255' },
      { first: '198.51.100.1', last: '198.51.100.2' },
    ]);
    expect([pool.take(), pool.take(), pool.take()]).toEqual(['203.0.113.254', '203.0.113.255', '198.51.100.1']);
    expect(pool.release('203.0.113.255')).toBe(true);
    expect(pool.release('203.0.113.255')).toBe(false);
    expect(pool.release('10.0.0.1')).toBe(false);
    expect([pool.take(), pool.take()]).toEqual(['203.0.113.255', '198.51.100.2']);
    expect(() => pool.take()).toThrow('there is no public address left');
  });

  it('keeps a chosen one from being handed out', () => {
    const pool = new AddressPool('private', [{ first: '10.0.0.1', last: '10.0.0.3' }]);
    pool.takeExactly('10.0.0.2');
    expect(() => pool.takeExactly('10.0.0.2')).toThrow(RangeError);
    expect([pool.take(), pool.take()]).toEqual(['10.0.0.1', '10.0.0.3']);
    expect(pool.holds('10.0.0.4')).toBe(false);
    expect(pool.holds('::1')).toBe(false);
  });

  it('makes IPv6 addresses as they are written, and takes them back', () => {
    const pool = new V6Pool('2600:3c0e');
    const taken = Array.from({ length: 70_000 }, () => pool.take());
    expect(new Set(taken).size).toBe(70_000);
    for (const address of [taken[0] ?? '', taken[65_535] ?? '', taken[69_999] ?? '']) {
      expect(isIPv6(address)).toBe(true);
      expect(new URL(`http://[${address}]`).hostname).toBe(`[${address}]`);
    }
    expect(pool.release(taken[65_540] ?? '')).toBe(true);
    expect(pool.release(taken[4] ?? '')).toBe(true);
    expect(pool.release(taken[4] ?? '')).toBe(false);
    expect([pool.take(), pool.take()]).toEqual([taken[4], taken[65_540]]);
  });
});

describe('loopback network', () => {
  const open: Network[] = [];
  afterEach(async () => {
    for (const network of open.splice(0)) await network.close();
  });
  const start = async () => {
    const network = await openLoopback();
    open.push(network);
    return network;
  };

  it('shares no address with another emulator', async () => {
    const [a, b] = [await start(), await start()];
    const of = (network: Network) => Array.from({ length: 300 }, (_, i) => (i % 2 ? network.takePublicV4() : network.takePrivateV4()));
    const all = [...of(a), ...of(b)];
    expect(new Set(all).size).toBe(600);
    expect(all.every((address) => /^127\.\d+\.\d+\.\d+$/.test(address))).toBe(true);
  });

  it('stands in for addresses that are not on the loopback, and serves no IPv6', async () => {
    const network = await start();
    expect(network.takeExactly('10.0.0.5')).toBe('10.0.0.5');
    const stand = network.listensAt('10.0.0.5');
    expect(stand).toMatch(/^127\./);
    expect(() => network.takeExactly('10.0.0.5')).toThrow(RangeError);
    expect(() => network.takeExactly('127.0.0.1')).toThrow(RangeError);
    expect(() => network.takeExactly('fd00::1')).toThrow(RangeError);
    expect(network.takePrivateV4()).not.toBe(stand);
    network.release('10.0.0.5');
    expect(network.takePrivateV4()).toBe(stand);
    const v6 = network.takeV6();
    expect(network.listensAt(v6)).toBeNull();
    expect(network.takeV6()).not.toBe(v6);
    const own = network.takePublicV4();
    expect(network.listensAt(own)).toBe(own);
    network.release(own);
    expect(network.takeExactly(own)).toBe(own);
  });
});
