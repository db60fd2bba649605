import { describe, expect, it } from 'vitest';
import { Ledger } from './ledger.ts';

describe('ledger', () => {
  it('counts what was created, what was deleted and what lives', () => {
    let nowMs = 10;
    const ledger = new Ledger(() => nowMs);
    ledger.machineCreated('1', 'a', ['x']);
    ledger.machineCreated('2', 'b', []);
    nowMs = 20;
    ledger.machineChanged('1', 'a2', ['y']);
    ledger.machineDeleted('2');
    ledger.machineDeleted('2');
    ledger.machineDeleted('3');
    ledger.memberCreated('9', 'lb', '10.0.0.1:80', 'node');
    ledger.memberDeleted('9');
    ledger.called('GET /x', 200);
    ledger.called('GET /x', 200);
    ledger.called('GET /x', 500);
    expect(ledger.view()).toEqual({
      created: 2,
      deleted: 1,
      living: 1,
      shortened: false,
      machines: [
        { id: '1', label: 'a2', tags: ['y'], created_ms: 10, deleted_ms: null },
        { id: '2', label: 'b', tags: [], created_ms: 10, deleted_ms: 20 },
      ],
      members: [{ id: '9', balancer: 'lb', address: '10.0.0.1:80', label: 'node', created_ms: 20, deleted_ms: 20 }],
      calls: [
        { route: 'GET /x', status: 200, count: 2 },
        { route: 'GET /x', status: 500, count: 1 },
      ],
    });
  });

  it('drops the oldest deleted rows at its limit, and says so; the sums stay', () => {
    const ledger = new Ledger(() => 0);
    ledger.machineCreated('kept', 'kept', []);
    for (let id = 0; id < 100_000; id++) {
      ledger.machineCreated(String(id), 'x', []);
      ledger.machineDeleted(String(id));
    }
    const view = ledger.view();
    expect(view).toMatchObject({ created: 100_001, deleted: 100_000, living: 1, shortened: true });
    expect(view.machines).toHaveLength(100_000);
    expect(view.machines[0]?.id).toBe('kept');
  });
});
