/** A small SMTP server of a test's own (RFC 5321, AUTH PLAIN), on real TCP. */
import { type AddressInfo, createServer, type Socket } from 'node:net';

export interface Mail {
  readonly from: string;
  readonly to: readonly string[];
  /** The message as sent: headers, blank line, body. */
  readonly raw: string;
}
export type SmtpSide = 'accepts' | 'refuses-credentials' | 'fails' | 'busy' | 'hangs' | 'hangs-later' | 'not-smtp';

export interface SmtpBench {
  readonly port: number;
  readonly mails: Mail[];
  /** User and password of the last AUTH. */
  credentials(): string | null;
  behave(side: SmtpSide): Promise<void>;
  down(): Promise<void>;
}

export async function openSmtpBench(): Promise<SmtpBench> {
  const mails: Mail[] = [];
  const sockets = new Set<Socket>();
  let side: SmtpSide = 'accepts';
  let credentials: string | null = null;
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => sockets.delete(socket));
    if (side === 'hangs') return;
    if (side === 'not-smtp') return void socket.end('HTTP/1.1 400 Bad Request\r\n\r\n');
    talk(socket, { side: () => side, mails, auth: (given) => (credentials = given) });
  });
  const listen = (port: number) => new Promise<void>((done, fail) => server.once('error', fail).listen(port, '127.0.0.1', done));
  await listen(0);
  const { port } = server.address() as AddressInfo;
  return {
    port,
    mails,
    credentials: () => credentials,
    async behave(next) {
      side = next;
      if (!server.listening) await listen(port);
    },
    down: () =>
      new Promise<void>((done) => {
        if (!server.listening) return done();
        server.close(() => done());
        for (const socket of sockets) socket.destroy();
      }),
  };
}

function talk(socket: Socket, world: { side(): SmtpSide; mails: Mail[]; auth(given: string): void }): void {
  const say = (line: string) => socket.write(`${line}\r\n`);
  let buffer = '';
  let inData = false;
  let mail = { from: '', to: [] as string[] };
  const command = (line: string): void => {
    const verb = line.slice(0, 4).toUpperCase();
    if (verb === 'EHLO') say('250-test\r\n250-8BITMIME\r\n250 AUTH PLAIN');
    else if (verb === 'AUTH') {
      world.auth(Buffer.from(line.split(' ')[2] ?? '', 'base64').toString());
      say(world.side() === 'refuses-credentials' ? `535 5.7.8 no: ${line}` : '235 2.7.0 welcome');
    } else if (verb === 'MAIL') {
      mail = { from: line, to: [] };
      if (world.side() === 'hangs-later') return;
      say(world.side() === 'busy' ? '451 4.3.0 try again later' : '250 ok');
    } else if (verb === 'RCPT') {
      mail.to.push(line.replace(/^RCPT TO:<(.*)>.*$/i, '$1'));
      say(world.side() === 'fails' ? '550 5.1.1 no such user' : '250 ok');
    } else if (verb === 'DATA') {
      inData = true;
      say('354 go on');
    } else if (verb === 'QUIT') {
      say('221 bye');
      socket.end();
    } else say('250 ok');
  };
  say('220 test ESMTP');
  socket.on('data', (chunk) => {
    buffer += chunk.toString('utf8');
    for (;;) {
      const mark = inData ? '\r\n.\r\n' : '\r\n';
      const end = buffer.indexOf(mark);
      if (end < 0) return;
      const text = buffer.slice(0, end);
      buffer = buffer.slice(end + mark.length);
      if (!inData) command(text);
      else {
        inData = false;
        world.mails.push({ ...mail, raw: text.replace(/^\.\./gm, '.') });
        say('250 queued');
      }
    }
  });
}

/** Header lines unfolded, and the body with its transfer encoding undone. */
export function readMail(raw: string): { readonly headers: Record<string, string>; readonly text: string } {
  const [head = '', ...rest] = raw.split('\r\n\r\n');
  const headers: Record<string, string> = {};
  for (const line of head.replace(/\r\n[ \t]+/g, ' ').split('\r\n')) {
    const at = line.indexOf(':');
    headers[line.slice(0, at).toLowerCase()] = line.slice(at + 1).trim();
  }
  const body = rest.join('\r\n\r\n');
  const encoding = (headers['content-transfer-encoding'] ?? '').toLowerCase();
  if (encoding === 'base64') return { headers, text: Buffer.from(body, 'base64').toString() };
  if (encoding !== 'quoted-printable') return { headers, text: body };
  const bytes = body.replace(/=\r\n/g, '').replace(/=([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  return { headers, text: Buffer.from(bytes, 'latin1').toString() };
}
