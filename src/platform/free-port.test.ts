import { expect, it } from 'vitest';
import { FIRST_PORT, freePort, LAST_PORT } from './free-port.ts';

/** What `fetch` says of a port without calling anybody: its check of ports comes before it asks the dispatcher. */
async function refusal(port: number): Promise<string> {
  const dispatcher = {
    dispatch() {
      throw new Error('it would be called');
    },
  };
  const init = { dispatcher } as unknown as RequestInit;
  return await fetch(`http://127.0.0.1:${port}/`, init).then(
    () => 'answered',
    (e: Error) => (e.cause as Error).message,
  );
}

it('gives no port that fetch refuses to call', async () => {
  expect(await refusal(10_080)).toBe('bad port');
  const refused: number[] = [];
  for (let port = FIRST_PORT; port <= LAST_PORT; port++) if ((await refusal(port)) !== 'it would be called') refused.push(port);
  expect(refused).toEqual([]);
});

it('gives every asker another port', async () => {
  const given = await Promise.all(Array.from({ length: 200 }, freePort));
  expect(new Set(given).size).toBe(200);
  expect(given.every((port) => port >= FIRST_PORT && port <= LAST_PORT)).toBe(true);
});
