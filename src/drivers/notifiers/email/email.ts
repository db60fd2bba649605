import { readCa } from '../../../kit/ca-option.ts';
import { durationMs } from '../../../kit/duration-text.ts';
import { toBase64 } from '../../../kit/http-auth.ts';
import { cut, headingOf, linesOf, oneLine } from '../../../kit/notification-text.ts';
import type { DriverPorts } from '../../../ports/driver.ts';
import { DriverError } from '../../../ports/errors.ts';
import type { Notification, Notifier } from '../../../ports/notifier.ts';
import type { EmailOptions } from './options.ts';
import { errorOfSmtp } from './translate.ts';

const MAX_BODY_CHARS = 100_000;

export function openEmail(options: EmailOptions, ports: DriverPorts): Notifier {
  return {
    async send(notification, signal) {
      const timeoutMs = durationMs(options.timeout);
      const secrets: string[] = [];
      // One deadline for the whole of it: nodemailer's own limits are per phase.
      const deadline = new AbortController();
      const cancel = ports.clock.after(timeoutMs, () => deadline.abort());
      try {
        const server = await serverOf(options, ports, secrets, timeoutMs);
        const { createTransport } = await import('nodemailer');
        const transport = createTransport(server);
        await transport.sendMail({ ...messageOf(options, notification), signal: AbortSignal.any([signal, deadline.signal]) });
      } catch (e) {
        throw errorOfSmtp(e, { secrets, timedOut: deadline.signal.aborted && !signal.aborted, timeoutMs });
      } finally {
        cancel();
      }
    },
  };
}

async function serverOf(options: EmailOptions, ports: DriverPorts, secrets: string[], timeoutMs: number) {
  const reveal = async (ref: NonNullable<EmailOptions['password']>): Promise<string> => {
    const value = (await ports.secrets.resolve(ref)).reveal();
    secrets.push(value);
    return value;
  };
  const ca = await readCa(options.ca, ports);
  const common = {
    connectionTimeout: timeoutMs,
    greetingTimeout: timeoutMs,
    socketTimeout: timeoutMs,
    socketCloseTimeout: 1000,
    // Nothing in a message may make the mailer open files or addresses.
    disableFileAccess: true,
    disableUrlAccess: true,
    requireTLS: options.tls === 'starttls',
    ignoreTLS: options.tls === 'none',
    ...(ca === undefined ? {} : { tls: { ca } }),
  };
  if (options.url !== undefined) {
    const url = await reveal(options.url);
    const parsed = URL.parse(url);
    if (parsed === null || (parsed.protocol !== 'smtp:' && parsed.protocol !== 'smtps:'))
      throw new DriverError('bad-request', 'the url of the mail server is no smtp:// or smtps:// URL');
    secrets.push(...formsOf(decoded(parsed.username), decoded(parsed.password)));
    return { ...common, url };
  }
  const auth = options.username === undefined || options.password === undefined ? null : { user: options.username, pass: await reveal(options.password) };
  if (auth !== null) secrets.push(...formsOf(auth.user, auth.pass));
  return {
    ...common,
    host: options.host ?? '',
    port: options.port ?? (options.tls === 'implicit' ? 465 : 587),
    secure: options.tls === 'implicit',
    ...(auth === null ? {} : { auth }),
  };
}

/** How a password looks on the wire (AUTH PLAIN and LOGIN): some servers quote the command they refuse. */
function formsOf(user: string, password: string): string[] {
  return password === '' ? [] : [password, toBase64(password), toBase64(`\0${user}\0${password}`)];
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function messageOf(options: EmailOptions, notification: Notification) {
  const lines = linesOf(notification, MAX_BODY_CHARS);
  const level = notification.severity === 'info' ? '' : `${notification.severity}: `;
  return {
    from: options.from,
    to: options.to,
    subject: cut(oneLine(`[drover] ${level}${notification.group === null ? '' : `${notification.group}: `}${notification.sentence}`), 200),
    text: `${cut(notification.sentence, MAX_BODY_CHARS)}\n${lines === '' ? '' : `\n${lines}\n`}\n${headingOf(notification)}\n`,
    date: new Date(notification.atMs),
    headers: {
      'Auto-Submitted': 'auto-generated', // RFC 3834: no vacation replies
      'X-Drover-Event': cut(oneLine(notification.event), 100),
      'X-Drover-Dedupe-Key': cut(oneLine(notification.dedupeKey), 200),
    },
  };
}
