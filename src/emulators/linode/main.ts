/**
 * `node main.ts OPTIONS`, the options of `startLinode` as JSON: an emulated account as a process of its own. Prints one line of JSON once it listens
 * (url, control, token, network), and ends at SIGTERM, at SIGINT, and when its standard input does: with whoever started it, however that one ends.
 */
import { type LinodeOptions, startLinode } from './linode.ts';

const running = await startLinode(JSON.parse(process.argv[2] ?? '{}') as LinodeOptions);
const { url, controlUrl, token, network } = running;
const end = (): void => void running.close().then(() => process.exit(0));
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, end);
process.stdin.once('end', end).once('error', end).resume();
process.stdout.write(`${JSON.stringify({ url, control: controlUrl, token, network })}\n`);
