import { describe, expect, it } from 'vitest';
import { answer, answerNothing, openHttpBench } from '../../../../test/support/http-bench.ts';
import { realPorts } from '../../../../test/support/ports.ts';
import { Secret } from '../../../ports/secrets.ts';
import { exampleNotification, type NotifierBench, notifierContract } from '../../../testing/notifier-contract.ts';
import { manifest } from './driver.ts';

const ports = realPorts();
process.env['DROVER_TEST_HOOK_TOKEN'] = 'hook-5ecret';
process.env['DROVER_TEST_HOOK_KEY'] = 'sign-5ecret';
const never = new AbortController().signal;

async function openBench(): Promise<NotifierBench> {
  const bench = await openHttpBench();
  const messages: string[] = [];
  const accept = answer(204, '');
  return {
    notifier: await manifest.open(manifest.options.parse({ url: bench.url, timeout: '1s', auth: { bearer: { env: 'DROVER_TEST_HOOK_TOKEN' } } }), ports),
    behave: async (side) => {
      if (side === 'down') return await bench.down();
      await bench.handle((request, response) => {
        if (side === 'accepts') {
          const { sentence, lines, group, event } = JSON.parse(request.body);
          messages.push([sentence, ...lines, group, event].join('\n'));
          accept(request, response);
        } else if (side === 'refuses-credentials') answer(401, 'no hook-5ecret')(request, response);
        else if (side === 'throttles') answer(429, '', { 'retry-after': '30' })(request, response);
        else if (side === 'fails') answer(500, 'boom hook-5ecret')(request, response);
        else answerNothing(request, response);
      });
    },
    messages: () => messages,
    clear: () => {
      messages.length = 0;
    },
    secrets: ['hook-5ecret'],
    close: () => bench.close(),
  };
}
notifierContract('webhook', openBench, { refuses: true, throttles: true });

describe('webhook notifier', () => {
  it('posts the notification as JSON, signed so that the receiver can check body and time', async () => {
    const bench = await openHttpBench();
    await bench.handle(answer(200, 'fine'));
    const options = manifest.options.parse({ url: `${bench.url}/in?x=1`, sign: { secret: { env: 'DROVER_TEST_HOOK_KEY' } }, headers: { 'X-Team': 'shop' } });
    const notification = exampleNotification();
    await (await manifest.open(options, ports)).send(notification, never);
    await bench.close();
    const [request] = bench.seen;
    expect(request).toMatchObject({ method: 'POST', url: '/in?x=1' });
    expect(request?.headers).toMatchObject({ 'content-type': 'application/json', 'x-team': 'shop' });
    expect(JSON.parse(request?.body ?? '')).toEqual({ schema: 'drover.notification/v1', ...notification });
    const timestamp = String(request?.headers['x-drover-timestamp']);
    expect(Math.abs(Number(timestamp) * 1000 - Date.now())).toBeLessThan(60_000);
    expect(request?.headers['x-drover-signature']).toBe(ports.secrets.hmacSha256(new Secret('sign-5ecret'), `${timestamp}:${request?.body}`));
  });
});
