import { postToChat } from '../../../kit/chat-webhook.ts';
import { durationMs } from '../../../kit/duration-text.ts';
import { cut, headingOf, linesOf } from '../../../kit/notification-text.ts';
import type { DriverPorts } from '../../../ports/driver.ts';
import type { Notification, Notifier } from '../../../ports/notifier.ts';
import type { MattermostOptions } from './options.ts';

/** The server's default is 16,383 characters for a post; older ones took 4,000. */
const MAX_LINES_CHARS = 2800;
const MAX_SENTENCE_CHARS = 600;

export function openMattermost(options: MattermostOptions, ports: DriverPorts): Notifier {
  return {
    send: (notification, signal) =>
      postToChat(ports, {
        who: 'Mattermost',
        webhook: options.webhook,
        message: {
          text: textOf(notification),
          ...(options.username === undefined ? {} : { username: options.username }),
          ...(options.channel === undefined ? {} : { channel: options.channel }),
        },
        timeoutMs: durationMs(options.timeout),
        signal,
      }),
  };
}

/** Everything of ours stands in code, where Markdown and mentions (@all) have no effect and the sentence stays as it is. */
function textOf(notification: Notification): string {
  const lines = linesOf(notification, MAX_LINES_CHARS);
  const heading = `${notification.severity === 'info' ? '' : `${notification.severity} · `}${headingOf(notification)}`;
  const text = `${cut(heading, 200)}\n${cut(notification.sentence, MAX_SENTENCE_CHARS)}${lines === '' ? '' : `\n\n${lines}`}`;
  const fence = '`'.repeat(Math.max(3, ...[...text.matchAll(/`+/g)].map((run) => run[0].length + 1)));
  return `${fence}text\n${text}\n${fence}`;
}
