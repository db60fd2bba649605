import { postToChat } from '../../../kit/chat-webhook.ts';
import { durationMs } from '../../../kit/duration-text.ts';
import { cut, headingOf, linesOf } from '../../../kit/notification-text.ts';
import type { DriverPorts } from '../../../ports/driver.ts';
import type { Notification, Notifier } from '../../../ports/notifier.ts';
import type { SlackOptions } from './options.ts';

/** Slack refuses a section of more than 3000 characters, counted after escaping. */
const MAX_SECTION_CHARS = 3000;
/** Escaping makes one character five at most (`&amp;`). */
const SAFE_CHARS = MAX_SECTION_CHARS / 5;

export function openSlack(options: SlackOptions, ports: DriverPorts): Notifier {
  return {
    send: (notification, signal) =>
      postToChat(ports, { who: 'Slack', webhook: options.webhook, message: messageOf(notification), timeoutMs: durationMs(options.timeout), signal }),
  };
}

/** `text` is what shows in previews and on phones, `blocks` what shows in the channel. */
export function messageOf(notification: Notification): object {
  const heading = `${notification.severity === 'info' ? '' : `${notification.severity} · `}${headingOf(notification)}`;
  const lines = linesOf(notification, SAFE_CHARS).replaceAll('```', "'''");
  return {
    text: escapeForSlack(cut(notification.sentence, SAFE_CHARS)),
    mrkdwn: false,
    blocks: [
      { type: 'context', elements: [{ type: 'mrkdwn', text: escapeForSlack(cut(heading, 300)) }] },
      { type: 'section', text: { type: 'mrkdwn', text: escapeForSlack(cut(notification.sentence, SAFE_CHARS)), verbatim: true } },
      ...(lines === '' ? [] : [{ type: 'section', text: { type: 'mrkdwn', text: `\`\`\`${escapeForSlack(lines)}\`\`\``, verbatim: true } }]),
    ],
  };
}

/** Slack's three control characters; without this a text could call `<!channel>`. */
function escapeForSlack(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
