/**
 * The web server as a process of its own:
 *   node main.ts [--host H] [--port P] [--boot-ms N] [--work-ms N] [--capacity-rps N] [--max-wait-ms N] [--name TEXT]
 * Without an argument its environment variable counts: ADDRESS, PORT, BOOT_MS, WORK_MS, CAPACITY_RPS, MAX_WAIT_MS, NAME or DROVER_INSTANCE.
 * Ends at SIGTERM or SIGINT after finishing what is in flight, at once while it boots. Exit code 2: wrong arguments.
 */
import { parseArgs } from 'node:util';
import { startWeb, type Web, type WebOptions } from './web.ts';

function readOptions(): WebOptions {
  const text = { type: 'string' } as const;
  const { values } = parseArgs({
    options: { host: text, port: text, 'boot-ms': text, 'work-ms': text, 'capacity-rps': text, 'max-wait-ms': text, name: text },
  });
  const env = process.env;
  const number = (value: string | undefined, name: string, least: number): number | undefined => {
    if (value === undefined || value === '') return undefined;
    const n = Number(value);
    if (!Number.isFinite(n) || n < least) throw new Error(`${name} must be a number of at least ${least}`);
    return n;
  };
  const options = {
    host: values.host ?? env['ADDRESS'] ?? '127.0.0.1',
    port: number(values.port ?? env['PORT'], 'port', 0) ?? 8080,
    bootMs: number(values['boot-ms'] ?? env['BOOT_MS'], 'boot-ms', 0),
    workMs: number(values['work-ms'] ?? env['WORK_MS'], 'work-ms', 0),
    capacityRps: number(values['capacity-rps'] ?? env['CAPACITY_RPS'], 'capacity-rps', 0.001),
    maxWaitMs: number(values['max-wait-ms'] ?? env['MAX_WAIT_MS'], 'max-wait-ms', 0),
    name: values.name ?? env['NAME'] ?? env['DROVER_INSTANCE'],
  };
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as unknown as WebOptions;
}

function fail(e: unknown, code: number): never {
  process.stderr.write(`web: ${e instanceof Error ? e.message : String(e)}\n`);
  process.exit(code);
}

let options: WebOptions;
try {
  options = readOptions();
} catch (e) {
  fail(e, 2);
}
const boot = new AbortController();
let web: Web | null = null;
const stop = () => {
  if (web === null) boot.abort();
  else void web.close().then(() => process.exit(0));
};
process.once('SIGTERM', stop);
process.once('SIGINT', stop);
try {
  web = await startWeb({ ...options, signal: boot.signal });
  process.stdout.write(`listening on http://${web.host}:${web.port}\n`);
} catch (e) {
  if (boot.signal.aborted) process.exit(0);
  fail(e, 1);
}
