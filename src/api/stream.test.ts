import { afterEach, describe, expect, it } from 'vitest';
import { type ApiWorld, append, createApiWorld, createTestClock, T0, type TestClock } from '../../test/support/api-world.ts';
import { createSseParser, type SseMessage } from './parse-sse.ts';
import { type Api, createApi } from './server.ts';
import { MAX_STREAMS } from './stream.ts';

const open: { readonly api: Api; readonly clock: TestClock }[] = [];
const readers: Reader[] = [];
interface Setup extends ApiWorld {
  readonly api: Api;
  readonly clock: TestClock;
  readonly url: string;
}
async function setup(): Promise<Setup> {
  const clock = createTestClock();
  const world = createApiWorld(clock);
  const api = await createApi(world.deps);
  open.push({ api, clock });
  const { url } = await api.listen({ host: '127.0.0.1', port: 0 });
  return { ...world, api, clock, url };
}
afterEach(async () => {
  for (const reader of readers.splice(0)) reader.stop();
  await Promise.all(
    open.splice(0).map(({ api, clock }) => {
      const closing = api.close();
      // An aborted fetch may leave a connection that never carried a request: the grace cuts it.
      clock.advance(5000);
      return closing;
    }),
  );
});

interface Reader {
  readonly status: number;
  readonly headers: Headers;
  /** The next `count` messages. */
  take(count: number): Promise<SseMessage[]>;
  /** Text until the end of the stream. */
  end(): Promise<string>;
  stop(): void;
}
async function read(w: Setup, query = '', headers: Record<string, string> = {}): Promise<Reader> {
  const stop = new AbortController();
  const response = await fetch(`${w.url}/api/v1/events/stream${query}`, {
    headers: { authorization: `Bearer ${w.token.viewer}`, ...headers },
    signal: stop.signal,
  });
  const parse = createSseParser();
  const decoder = new TextDecoder();
  const body = response.body?.getReader();
  const waiting: SseMessage[] = [];
  let text = '';
  const more = async (): Promise<boolean> => {
    const chunk = await body?.read();
    if (chunk === undefined || chunk.done) return false;
    const piece = decoder.decode(chunk.value, { stream: true });
    text += piece;
    waiting.push(...parse(piece));
    return true;
  };
  const reader: Reader = {
    status: response.status,
    headers: response.headers,
    take: async (count) => {
      while (waiting.length < count) if (!(await more())) throw new Error(`the stream ended after ${waiting.length} of ${count}`);
      return waiting.splice(0, count);
    },
    end: async () => {
      while (await more());
      return text;
    },
    stop: () => stop.abort(),
  };
  readers.push(reader);
  return reader;
}
const event = (type: string, group: string | null = 'web') => ({ atMs: T0, group, type, actor: 'drover', data: { type } });
const seqs = (messages: readonly SseMessage[]) => messages.map((m) => m.id);

describe('the event stream', () => {
  it('sends events as they happen, as documents', async () => {
    const w = await setup();
    const reader = await read(w);
    append(w.state, event('decision'), event('instance.serving'));
    const [first, second] = await reader.take(2);
    expect([first?.id, first?.event, second?.id, second?.event]).toEqual(['1', 'decision', '2', 'instance.serving']);
    expect(JSON.parse(first?.data ?? '')).toEqual({
      schema: 'drover.event/v1',
      seq: 1,
      at: '2026-11-22T13:32:07.000Z',
      group: 'web',
      type: 'decision',
      actor: 'drover',
      data: { type: 'decision' },
      hash: 'h1',
    });
    expect(reader.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
    expect(reader.headers.get('content-security-policy')).toContain("default-src 'none'");
    expect(reader.headers.get('x-content-type-options')).toBe('nosniff');
  });

  it('goes on after Last-Event-ID without a hole and without a repeat, also for what happens meanwhile', async () => {
    const w = await setup();
    append(w.state, ...Array.from({ length: 2500 }, () => event('decision')));
    const reader = await read(w, '', { 'last-event-id': '400' });
    append(w.state, event('decision'), event('decision'));
    const all = await reader.take(2102);
    expect(seqs(all)).toEqual(Array.from({ length: 2102 }, (_, i) => String(401 + i)));
    const byQuery = await read(w, '?after_seq=2500');
    expect(seqs(await byQuery.take(2))).toEqual(['2501', '2502']);
  });

  it('tells of a gap instead of sending everything from the beginning', async () => {
    const w = await setup();
    append(w.state, ...Array.from({ length: 7000 }, () => event('decision')));
    const reader = await read(w, '?after_seq=1');
    const [gap, first] = await reader.take(2);
    expect([gap?.event, gap?.data, first?.id]).toEqual(['gap', '{"after":1,"before":2001}', '2001']);
  });

  it('sends one group or one type when asked', async () => {
    const w = await setup();
    append(w.state, event('decision', 'batch'), event('decision'), event('instance.gone'));
    const group = await read(w, '?group=web&after_seq=0');
    expect(seqs(await group.take(2))).toEqual(['2', '3']);
    const type = await read(w, '?type=decision&after_seq=0');
    append(w.state, event('instance.gone', 'batch'), event('decision', 'batch'));
    expect(seqs(await type.take(3))).toEqual(['1', '2', '5']);
  });

  it('cannot be made to forge a field by an event type', async () => {
    const w = await setup();
    const reader = await read(w);
    append(w.state, event('a\ndata: forged'), event('b'));
    const [first, second] = await reader.take(2);
    expect([first?.event, second?.event]).toEqual(['a data: forged', 'b']);
    expect(JSON.parse(first?.data ?? '').seq).toBe(1);
  });

  it.each(['x', '-1', '1.5', '9'.repeat(30)])('refuses Last-Event-ID %s', async (id) => {
    const w = await setup();
    expect((await read(w, '', { 'last-event-id': id })).status).toBe(400);
  });

  it('is cut within seconds of the revocation of its token', async () => {
    const w = await setup();
    const reader = await read(w);
    const ended = reader.end();
    w.clock.advance(5000);
    for (const [id, row] of w.state.tokens) w.state.tokens.set(id, { ...row, revokedAtMs: T0 });
    w.clock.advance(5000);
    expect(await ended).toContain(': ping');
  });

  it('is open a bounded number of times, and places come back', async () => {
    const w = await setup();
    const all = await Promise.all(Array.from({ length: MAX_STREAMS }, () => read(w)));
    const refused = await read(w);
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '10']);
    all[0]?.stop();
    const deadline = performance.now() + 10_000;
    let status = 503;
    while (status === 503 && performance.now() < deadline) status = (await read(w)).status;
    expect(status).toBe(200);
  });

  it('drops a reader that does not read, and stops listening for it', async () => {
    const w = await setup();
    const reader = await read(w);
    expect(w.state.listeners.size).toBe(2);
    const big = { ...event('decision'), data: { filler: 'x'.repeat(200_000) } };
    for (let i = 0; i < 400 && w.state.listeners.size === 2; i++) {
      append(w.state, big);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(w.state.listeners.size).toBe(1);
    await expect(reader.end()).rejects.toThrow();
  });

  it('ends when the controller closes', async () => {
    const w = await setup();
    const readers = await Promise.all([read(w), read(w)]);
    const ended = Promise.all(readers.map((r) => r.end()));
    await w.api.close();
    open.length = 0;
    await ended;
    expect(w.state.listeners.size).toBe(0);
  });
});
