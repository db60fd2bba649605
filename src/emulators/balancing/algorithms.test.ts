import { describe, expect, it } from 'vitest';
import { chooseBySource, LeastConnections, RoundRobin } from './algorithms.ts';
import { PinTable } from './pin-table.ts';

const backend = (id: string, weight = 1, sessions = 0) => ({ id, weight, sessions });

describe('weighted round robin', () => {
  it('takes turns by weight, not in bursts', () => {
    const turns = new RoundRobin();
    const among = [backend('a', 5), backend('b'), backend('c')];
    expect(Array.from({ length: 14 }, () => turns.choose(among)?.id).join('')).toBe('aabacaaaabacaa');
    expect(turns.choose([])).toBeNull();
  });

  it('gives a newcomer its share and no more', () => {
    const turns = new RoundRobin();
    for (let i = 0; i < 100; i++) turns.choose([backend('a'), backend('b')]);
    const next = Array.from({ length: 30 }, () => turns.choose([backend('a'), backend('b'), backend('c')])?.id);
    expect(next.filter((id) => id === 'c')).toHaveLength(10);
  });
});

describe('least connections', () => {
  it('takes the one with the fewest for its weight, in turns among equals', () => {
    const least = new LeastConnections();
    expect(least.choose([backend('a', 1, 2), backend('b', 4, 4), backend('c', 1, 3)])?.id).toBe('b');
    const equal = [backend('a'), backend('b')];
    expect(new Set([least.choose(equal)?.id, least.choose(equal)?.id])).toEqual(new Set(['a', 'b']));
    expect(least.choose([])).toBeNull();
  });
});

describe('by source', () => {
  const clients = Array.from({ length: 4000 }, (_, i) => `10.0.${i >> 8}.${i & 255}`);

  it('stays with a client, moves only those it must, and minds weights', () => {
    const three = [backend('a'), backend('b'), backend('c', 2)];
    const before = clients.map((client) => chooseBySource(three, client)?.id);
    expect(clients.map((client) => chooseBySource(three.toReversed(), client)?.id)).toEqual(before);
    const share = before.filter((id) => id === 'c').length / clients.length;
    expect(share).toBeGreaterThan(0.46);
    expect(share).toBeLessThan(0.54);
    const after = clients.map((client) => chooseBySource(three.slice(1), client)?.id);
    expect(after.every((id, i) => before[i] === 'a' || before[i] === id)).toBe(true);
    expect(chooseBySource([], '10.0.0.1')).toBeNull();
  });
});

describe('table of pins', () => {
  it('forgets the one not used for longest when it is full', () => {
    const table = new PinTable(2);
    table.set('x', 'a');
    table.set('y', 'b');
    table.set('x', 'a');
    table.set('z', 'c');
    expect([table.get('x'), table.get('y'), table.get('z')]).toEqual(['a', null, 'c']);
  });
});
