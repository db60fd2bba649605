import { describe, expect, it } from 'vitest';
import { applyFilter, parseFilter } from './filter.ts';

describe('X-Filter', () => {
  const NAMES = ['id', 'label', 'tags', 'entity.id', 'created', 'up'];
  const VIEWS = [
    { id: 1, label: 'web-1', tags: ['a', 'b'], entity: { id: 10 }, created: '2026-01-01T00:00:00', up: true },
    { id: 2, label: 'web-2', tags: ['a'], entity: { id: 11 }, created: '2026-01-02T00:00:00', up: false },
    { id: 10, label: 'db', tags: [], entity: { id: 10 }, created: '2026-01-03T00:00:00', up: false },
  ];
  const ids = (filter: unknown) => applyFilter(VIEWS, parseFilter(JSON.stringify(filter), NAMES)).map((view) => view.id);
  const refusal = (header: string) => {
    try {
      parseFilter(header, NAMES);
      return 'accepted';
    } catch (e) {
      return (e as { reasons: unknown }).reasons;
    }
  };

  it.each<[string, unknown, number[]]>([
    ['nothing', {}, [1, 2, 10]],
    ['a value', { label: 'db' }, [10]],
    ['an item of a list', { tags: 'a' }, [1, 2]],
    ['a field of a field', { 'entity.id': 10 }, [1, 10]],
    ['a number as text', { id: '2' }, [2]],
    ['a boolean', { up: true }, [1]],
    ['several: all', { tags: 'a', label: 'web-2' }, [2]],
    ['+and', { '+and': [{ tags: 'a' }, { tags: 'b' }] }, [1]],
    ['+or', { '+or': [{ label: 'db' }, { tags: 'b' }] }, [1, 10]],
    ['+or within +and', { '+and': [{ '+or': [{ id: 1 }, { id: 2 }] }, { tags: 'b' }] }, [1]],
    ['+contains', { label: { '+contains': 'web' } }, [1, 2]],
    ['+neq', { label: { '+neq': 'db' } }, [1, 2]],
    ['+neq of a list', { tags: { '+neq': 'b' } }, [2, 10]],
    ['+gt, by number', { id: { '+gt': 2 } }, [10]],
    ['+gte of a time', { created: { '+gte': '2026-01-02T00:00:00' } }, [2, 10]],
    ['+lt and +gt', { id: { '+gt': 1, '+lt': 10 } }, [2]],
    ['+lte', { id: { '+lte': 2 } }, [1, 2]],
    ['+order_by', { '+order_by': 'label', '+order': 'asc' }, [10, 1, 2]],
    ['+order desc, by number', { '+order_by': 'id', '+order': 'desc' }, [10, 2, 1]],
  ])('%s', (_, filter, expected) => {
    expect(ids(filter)).toEqual(expected);
  });

  it('refuses attributes that cannot be filtered on, as recorded', () => {
    expect(refusal('{"foo":1}')).toEqual([{ reason: 'Cannot filter on foo', field: 'X-Filter' }]);
    expect(refusal('{"+or":[{"status":"running"}]}')).toEqual([{ reason: 'Cannot filter on status', field: 'X-Filter' }]);
    expect(refusal('{"+order_by":"status"}')).toEqual([{ reason: 'Cannot filter on status', field: 'X-Filter' }]);
  });

  it.each(['{', '[]', '{"+or":{}}', '{"id":{"+is":1}}', '{"+order_by":"id","+order":"up"}', '{"id":{"+gt":{}}}', `{"label":"${'x'.repeat(9000)}"}`])(
    'refuses %.40s',
    (header) => {
      expect(refusal(header)).toEqual([expect.objectContaining({ field: 'X-Filter' })]);
    },
  );

  it('refuses what is nested without end', () => {
    const deep = Array.from({ length: 20 }).reduce<unknown>((inner) => ({ '+and': [inner] }), { id: 1 });
    expect(refusal(JSON.stringify(deep))).toEqual([{ reason: 'Filter is nested too deeply', field: 'X-Filter' }]);
  });
});
