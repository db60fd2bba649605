import { readCa } from '../../../kit/ca-option.ts';
import { durationMs } from '../../../kit/duration-text.ts';
import { credentials } from '../../../kit/http-auth.ts';
import { httpCall } from '../../../kit/http-call.ts';
import type { DriverPorts } from '../../../ports/driver.ts';
import type { Notification, Notifier } from '../../../ports/notifier.ts';
import type { WebhookOptions } from './options.ts';

export function openWebhook(options: WebhookOptions, ports: DriverPorts): Notifier {
  return {
    async send(notification, signal) {
      const body = bodyOf(notification);
      const { headers, redact } = await credentials(options, ports.secrets);
      await httpCall(ports, {
        method: 'POST',
        url: options.url,
        headers: { 'content-type': 'application/json', ...headers, ...(await signatureOf(options, body, ports)) },
        body,
        timeoutMs: durationMs(options.timeout),
        maxBytes: 64 * 1024,
        ca: await readCa(options.ca, ports),
        redact,
        signal,
      });
    },
  };
}

/** The notification as it is, with the name and version of its shape. */
function bodyOf(notification: Notification): string {
  return JSON.stringify({ schema: 'drover.notification/v1', ...notification });
}

async function signatureOf(options: WebhookOptions, body: string, ports: DriverPorts): Promise<Record<string, string>> {
  if (options.sign === undefined) return {};
  const timestamp = String(Math.floor(ports.clock.wall() / 1000));
  const secret = await ports.secrets.resolve(options.sign.secret);
  return { 'x-drover-timestamp': timestamp, 'x-drover-signature': ports.secrets.hmacSha256(secret, `${timestamp}:${body}`) };
}
