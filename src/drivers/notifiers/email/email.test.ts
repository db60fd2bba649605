import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { realPorts } from '../../../../test/support/ports.ts';
import { openSmtpBench, readMail, type SmtpBench } from '../../../../test/support/smtp-bench.ts';
import { exampleNotification, type NotifierBench, notifierContract } from '../../../testing/notifier-contract.ts';
import { manifest } from './driver.ts';

const ports = realPorts();
const never = new AbortController().signal;
process.env['DROVER_TEST_SMTP_PASSWORD'] = 'smtp-5ecret';

const options = (port: number, more: object = {}) =>
  manifest.options.parse({
    host: '127.0.0.1',
    port,
    tls: 'none',
    username: 'drover',
    password: { env: 'DROVER_TEST_SMTP_PASSWORD' },
    from: 'Drover <drover@example.org>',
    to: ['ops@example.org', 'Night <night@example.org>'],
    timeout: '800ms',
    ...more,
  });

async function openBench(): Promise<NotifierBench> {
  const bench = await openSmtpBench();
  return {
    notifier: await manifest.open(options(bench.port), ports),
    behave: async (side) => {
      if (side === 'down') await bench.down();
      else if (side !== 'throttles') await bench.behave(side);
    },
    messages: () => bench.mails.map((mail) => readMail(mail.raw).text.replaceAll('\r\n', '\n')),
    clear: () => {
      bench.mails.length = 0;
    },
    secrets: ['smtp-5ecret', Buffer.from('\0drover\0smtp-5ecret').toString('base64')],
    close: () => bench.down(),
  };
}
notifierContract('email', openBench, { refuses: true, throttles: false });

describe('email notifier', () => {
  let bench: SmtpBench;
  beforeAll(async () => {
    bench = await openSmtpBench();
  });
  afterAll(() => bench.down());

  it('sends one plain-text message to all receivers over SMTP, with its credentials', async () => {
    await bench.behave('accepts');
    await (await manifest.open(options(bench.port), ports)).send(exampleNotification({ severity: 'critical' }), never);
    const [mail] = bench.mails.splice(0);
    expect(mail?.from).toContain('<drover@example.org>');
    expect(mail?.to).toEqual(['ops@example.org', 'night@example.org']);
    expect(bench.credentials()).toBe('\0drover\0smtp-5ecret');
    const { headers, text } = readMail(mail?.raw ?? '');
    expect(headers).toMatchObject({
      subject: '[drover] critical: web: traffic wanted 6, the step limit allowed 5.',
      'auto-submitted': 'auto-generated',
      'x-drover-event': 'scale_out',
      'x-drover-dedupe-key': 'web:scale_out:5',
      date: 'Sun, 22 Nov 2026 13:32:07 +0000',
    });
    expect(headers['content-type']).toContain('text/plain');
    expect(text).toContain('traffic wanted 6, the step limit allowed 5.\r\n\r\n1064 req/s / 200 = 5.3 → 6\r\nstep +2 every 2 min');
  });

  it('keeps line breaks of a notification out of the headers', async () => {
    await bench.behave('accepts');
    const sentence = 'one\r\nBcc: two@example.org\r\n\r\nthree';
    await (await manifest.open(options(bench.port), ports)).send(exampleNotification({ sentence, dedupeKey: 'a\r\nX-Evil: 1' }), never);
    const [mail] = bench.mails.splice(0);
    expect(mail?.to).toEqual(['ops@example.org', 'night@example.org']);
    const { headers } = readMail(mail?.raw ?? '');
    expect(headers['bcc']).toBeUndefined();
    expect(headers['x-evil']).toBeUndefined();
  });

  it('takes the server from a URL that is kept as a secret', async () => {
    await bench.behave('accepts');
    process.env['DROVER_TEST_SMTP_URL'] = `smtp://drover:p%40ss-5ecret@127.0.0.1:${bench.port}`;
    const own = manifest.options.parse({ url: { env: 'DROVER_TEST_SMTP_URL' }, tls: 'none', from: 'a@example.org', to: ['b@example.org'], timeout: '800ms' });
    await (await manifest.open(own, ports)).send(exampleNotification(), never);
    expect(bench.mails.splice(0)).toHaveLength(1);
    expect(bench.credentials()).toBe('\0drover\0p@ss-5ecret');
  });

  it.each([
    ['busy', 'unreachable', /451/],
    ['fails', 'bad-request', /550/],
    ['hangs-later', 'unreachable', /within 800 ms/],
    ['not-smtp', 'bad-reply', /did not take/],
  ] as const)('says what a server did that %s', async (side, code, words) => {
    await bench.behave(side);
    const notifier = await manifest.open(options(bench.port), ports);
    await expect(notifier.send(exampleNotification(), never)).rejects.toMatchObject({ code, message: expect.stringMatching(words) });
  });

  it('sends nothing in clear to a server that offers no TLS, unless told to', async () => {
    await bench.behave('accepts');
    const notifier = await manifest.open(options(bench.port, { tls: 'starttls' }), ports);
    await expect(notifier.send(exampleNotification(), never)).rejects.toMatchObject({ code: 'unreachable' });
    const byUrl = manifest.options.parse({ url: { env: 'DROVER_TEST_SMTP_URL' }, from: 'a@example.org', to: ['b@example.org'], timeout: '800ms' });
    process.env['DROVER_TEST_SMTP_URL'] = `smtp://drover:p%40ss-5ecret@127.0.0.1:${bench.port}`;
    await expect((await manifest.open(byUrl, ports)).send(exampleNotification(), never)).rejects.toMatchObject({ code: 'unreachable' });
    process.env['DROVER_TEST_SMTP_URL'] = 'mail.example.org:pass-5ecret';
    await expect((await manifest.open(byUrl, ports)).send(exampleNotification(), never)).rejects.toMatchObject({
      code: 'bad-request',
      message: expect.not.stringContaining('5ecret'),
    });
    expect(bench.mails).toHaveLength(0);
  });

  it.each([
    { from: 'a@example.org', to: ['b@example.org'] },
    { host: 'h', url: { env: 'X' }, from: 'a@example.org', to: ['b@example.org'] },
    { host: 'h', username: 'u', from: 'a@example.org', to: ['b@example.org'] },
    { host: 'h', from: 'a@example.org\r\nBcc: x@example.org', to: ['b@example.org'] },
    { host: 'h', from: 'a@example.org', to: [] },
    { host: 'h', from: 'a@example.org', to: ['b@example.org, c@example.org'] },
  ])('refuses the options %j', (wrong) => {
    expect(manifest.options.safeParse(wrong).success).toBe(false);
  });
});
