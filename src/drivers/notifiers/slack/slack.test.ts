import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { answer, answerNothing, openHttpBench } from '../../../../test/support/http-bench.ts';
import { realPorts } from '../../../../test/support/ports.ts';
import { exampleNotification, type NotifierBench, notifierContract } from '../../../testing/notifier-contract.ts';
import { manifest } from './driver.ts';
import { messageOf } from './slack.ts';

const ports = realPorts();
const never = new AbortController().signal;
const PATH = '/services/T000/B000/slack5ecret';

/** As Slack shows a text: its three entities decoded, once. */
function shown(text: string): string {
  return text.replace(/&(amp|lt|gt);/g, (_, name: string) => ({ amp: '&', lt: '<', gt: '>' })[name] ?? '');
}

interface Message {
  readonly text: string;
  readonly blocks: readonly { readonly text?: { readonly text: string }; readonly elements?: readonly { readonly text: string }[] }[];
}
async function openBench(): Promise<NotifierBench> {
  const bench = await openHttpBench();
  const messages: string[] = [];
  const file = join(mkdtempSync(join(tmpdir(), 'drover-slack-')), 'webhook');
  writeFileSync(file, `${bench.url}${PATH}\n`, { mode: 0o600 });
  return {
    notifier: await manifest.open(manifest.options.parse({ webhook: { file }, timeout: '1s' }), ports),
    behave: async (side) => {
      if (side === 'down') return await bench.down();
      await bench.handle((request, response) => {
        if (side === 'accepts') {
          const { text, blocks }: Message = JSON.parse(request.body);
          const parts = blocks.flatMap((b) => [...(b.text ? [b.text.text] : []), ...(b.elements ?? []).map((e) => e.text)]);
          for (const part of parts) expect(part.length).toBeLessThanOrEqual(3000);
          messages.push([text, ...parts].map(shown).join('\n'));
          answer(200, 'ok', { 'content-type': 'text/html' })(request, response);
        } else if (side === 'refuses-credentials') answer(403, 'invalid_token')(request, response);
        else if (side === 'throttles') answer(429, '', { 'retry-after': '1' })(request, response);
        else if (side === 'fails') answer(500, `error at ${request.url}`)(request, response);
        else answerNothing(request, response);
      });
    },
    messages: () => messages,
    clear: () => {
      messages.length = 0;
    },
    secrets: ['slack5ecret'],
    close: () => bench.close(),
  };
}
notifierContract('slack', openBench, { refuses: true, throttles: true });

describe('slack notifier', () => {
  it('escapes what Slack would read as a mention, a link or markup of its own', () => {
    const message = JSON.stringify(messageOf(exampleNotification({ sentence: '<!channel> a & b', lines: ['<@U1> ```x```'], group: '<x>' })));
    expect(message).not.toMatch(/<|>/);
    expect(message).toContain('&lt;!channel&gt; a &amp; b');
    expect(message).toContain("```&lt;@U1&gt; '''x'''```");
  });

  it('keeps every part within the limits of Slack, whatever must be escaped', () => {
    const { blocks } = messageOf(
      exampleNotification({ sentence: '&'.repeat(9000), lines: ['<'.repeat(9000), '>'.repeat(200)], group: '&'.repeat(900) }),
    ) as Message;
    for (const block of blocks) expect(JSON.stringify(block).length).toBeLessThanOrEqual(3100);
  });

  it.each([
    [200, 'Please log in', 'bad-reply'],
    [400, 'invalid_payload', 'bad-request'],
    [404, 'no_service', 'not-found'],
    [410, 'channel_is_archived', 'not-found'],
  ])('takes %d %s for %s', async (status, body, code) => {
    const bench = await openHttpBench();
    await bench.handle(answer(status, body));
    const notifier = await manifest.open(manifest.options.parse({ webhook: bench.url + PATH }), ports);
    await expect(notifier.send(exampleNotification(), never)).rejects.toMatchObject({ code, message: expect.stringContaining(body) });
    await bench.close();
  });
});
