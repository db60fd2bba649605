/** `node main.ts LISTEN ADMIN`, both HOST:PORT: runs the proxy until SIGTERM or SIGINT. Prints one line of JSON once it listens. */
import { parseTarget } from '../../kit/haproxy-runtime.ts';
import { startProxy } from './proxy.ts';

function addressOf(text: string | undefined): { host: string; port: number } {
  const address = /:0$/.test(text ?? '') ? { host: (text ?? '').slice(0, -2), port: 0 } : parseTarget(text ?? '');
  if (address === null || address.host === '') {
    process.stderr.write('usage: main LISTEN_HOST:PORT ADMIN_HOST:PORT\n');
    process.exit(2);
  }
  return address;
}

const [listen, admin] = process.argv.slice(2);
const proxy = await startProxy({ listen: addressOf(listen), admin: addressOf(admin) });
process.stdout.write(`${JSON.stringify({ url: proxy.url, adminUrl: proxy.adminUrl })}\n`);
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => void proxy.close());
