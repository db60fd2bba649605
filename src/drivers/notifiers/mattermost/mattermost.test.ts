import { describe, expect, it } from 'vitest';
import { answer, answerNothing, openHttpBench } from '../../../../test/support/http-bench.ts';
import { realPorts } from '../../../../test/support/ports.ts';
import { exampleNotification, type NotifierBench, notifierContract } from '../../../testing/notifier-contract.ts';
import { manifest } from './driver.ts';

const ports = realPorts();
const never = new AbortController().signal;
const PATH = '/hooks/matter5ecret';

async function openBench(): Promise<NotifierBench> {
  const bench = await openHttpBench();
  const messages: string[] = [];
  process.env['DROVER_TEST_MATTERMOST'] = bench.url + PATH;
  return {
    notifier: await manifest.open(manifest.options.parse({ webhook: { env: 'DROVER_TEST_MATTERMOST' }, timeout: '1s' }), ports),
    behave: async (side) => {
      if (side === 'down') return await bench.down();
      await bench.handle((request, response) => {
        if (side === 'accepts') {
          const { text } = JSON.parse(request.body);
          expect(text.length).toBeLessThanOrEqual(4000);
          messages.push(text);
          answer(200, 'ok', { 'content-type': 'text/plain' })(request, response);
        } else if (side === 'refuses-credentials') answer(401, '{"message":"no"}')(request, response);
        else if (side === 'throttles') answer(429, 'limit exceeded', { 'retry-after': '2' })(request, response);
        else if (side === 'fails') answer(500, `error at ${request.url}`)(request, response);
        else answerNothing(request, response);
      });
    },
    messages: () => messages,
    clear: () => {
      messages.length = 0;
    },
    secrets: ['matter5ecret'],
    close: () => bench.close(),
  };
}
notifierContract('mattermost', openBench, { refuses: true, throttles: true });

describe('mattermost notifier', () => {
  async function sent(options: object, sentence: string): Promise<{ text: string; username?: string; channel?: string }> {
    const bench = await openHttpBench();
    await bench.handle(answer(200, 'ok'));
    await (await manifest.open(manifest.options.parse({ webhook: bench.url + PATH, ...options }), ports)).send(exampleNotification({ sentence }), never);
    await bench.close();
    return JSON.parse(bench.seen[0]?.body ?? '');
  }

  it('sends user name and channel only when they are set', async () => {
    expect(await sent({ username: 'drover', channel: 'ops' }, 'x')).toMatchObject({ username: 'drover', channel: 'ops' });
    expect(Object.keys(await sent({}, 'x'))).toEqual(['text']);
  });

  it('lets nothing out of its code block: neither mentions nor Markdown', async () => {
    const { text } = await sent({}, '@all ``` **bold** ````');
    const fence = /^(`+)text\n/.exec(text)?.[1] ?? '';
    expect(fence.length).toBe(5);
    expect(text.endsWith(`\n${fence}`)).toBe(true);
    expect(text.slice(fence.length, -fence.length)).not.toContain(fence);
  });
});
