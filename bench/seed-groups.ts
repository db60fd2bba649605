import { initialMemory } from '../src/core/remember.ts';
import type { Store } from '../src/ports/ports.ts';
import { benchSpec, groupName, MACHINES, rowsOf } from './groups.ts';

const AT_ONCE = 500;

/** Puts `count` groups with serving machines into an empty store, as a controller that has run for long would have left them. */
export async function seedGroups(store: Store, count: number, nowMs: number): Promise<void> {
  for (let from = 0; from < count; from += AT_ONCE) {
    const numbers = Array.from({ length: Math.min(AT_ONCE, count - from) }, (_, k) => from + k);
    await store.control(
      numbers.map((i) => ({ kind: 'put-spec' as const, spec: benchSpec(i) })),
      [],
    );
    await Promise.all(numbers.map((i) => seedGroup(store, i, nowMs)));
  }
}

async function seedGroup(store: Store, i: number, nowMs: number): Promise<void> {
  const name = groupName(i);
  const row = await store.acquire(name, 'seed', 1_000);
  if (row === null) throw new Error(`${name} could not be acquired`);
  const done = await store.commit({
    group: name,
    expect: { epoch: row.epoch },
    memory: initialMemory(row.spec, nowMs - 600_000, MACHINES),
    nextN: MACHINES + 1,
    instances: rowsOf(row, i, store.installId, nowMs - 3_600_000),
  });
  if (!done.ok) throw new Error(`${name} could not be seeded: ${done.why}`);
}
