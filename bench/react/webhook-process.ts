/**
 * node webhook-process.ts PORT SCRIPT: receives Alertmanager's messages and runs the script for each firing one, as small receivers do.
 * The n-th run gets SLOT web(n+1) and PORT FIRST_PORT+n. Prints one JSON line a message: `{"status":…, "atMs":…}`.
 */
import { spawn } from 'node:child_process';
import { createServer } from 'node:http';

const [port = '0', script = ''] = process.argv.slice(2);
const firstPort = Number(process.env['FIRST_PORT']);
let runs = 0;

createServer((request, response) => {
  let body = '';
  request.on('data', (chunk) => {
    body += chunk;
  });
  request.on('end', () => {
    const { status } = JSON.parse(body) as { status: string };
    if (status === 'firing') {
      runs++;
      spawn(script, [], { env: { ...process.env, SLOT: `web${runs + 1}`, PORT: String(firstPort + runs) }, stdio: 'inherit' });
    }
    process.stdout.write(`${JSON.stringify({ status, atMs: Date.now() })}\n`);
    response.end();
  });
}).listen(Number(port), '127.0.0.1');
