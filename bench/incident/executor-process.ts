/**
 * node executor-process.ts PORT SCRIPT: does what prometheus-am-executor does with the document's executor.yml. A firing message whose common
 * labels have `alertname: HighLoad` starts the script, and is answered when that has ended, 200 in any case (`notify_on_failure: false`). A
 * resolved one starts nothing: SIGUSR1 to every script that still runs for its alert, to the script alone and not to what it started
 * (`resolved_signal: SIGUSR1`). There is no `max`. Prints one JSON object a line: `{"event": "firing"|"resolved"|"end", "atMs": …}`, `end` with
 * `signal`. The scripts' own output goes to stderr only when they fail by themselves.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { createServer, type ServerResponse } from 'node:http';

interface Message {
  readonly status: string;
  readonly commonLabels: Readonly<Record<string, string>>;
  readonly alerts: readonly { readonly labels: Readonly<Record<string, string>>; readonly fingerprint: string }[];
}

const MATCH = 'HighLoad';
const [port = '0', script = ''] = process.argv.slice(2);
const running = new Map<ChildProcess, string>();
const say = (event: string, more: object = {}): void => void process.stdout.write(`${JSON.stringify({ event, atMs: Date.now(), ...more })}\n`);

function start(fingerprint: string, response: ServerResponse): void {
  // A process group of its own, so that what a killed script leaves behind can be ended with the bench.
  const child = spawn(script, [], { stdio: ['ignore', 'ignore', 'pipe'], detached: true });
  running.set(child, fingerprint);
  let said = '';
  child.stderr.on('data', (chunk) => {
    said = `${said}${chunk}`.slice(-2_000);
  });
  child.once('error', (e) => process.stderr.write(`executor: ${e.message}\n`));
  child.once('exit', (code, signal) => {
    running.delete(child);
    if (code !== 0 && signal === null) process.stderr.write(said);
    say('end', { signal });
    response.end();
  });
}

createServer((request, response) => {
  let body = '';
  request.on('data', (chunk) => {
    body += chunk;
  });
  request.on('end', () => {
    const { status, commonLabels, alerts } = JSON.parse(body) as Message;
    const fingerprint = alerts.find((alert) => alert.labels['alertname'] === MATCH)?.fingerprint ?? '';
    say(status);
    if (status === 'firing' && commonLabels['alertname'] === MATCH) return start(fingerprint, response);
    if (status === 'resolved') for (const [child, of] of running) if (of === fingerprint) child.kill('SIGUSR1');
    return void response.end();
  });
}).listen(Number(port), '127.0.0.1', () => say('ready'));

process.once('SIGTERM', () => {
  for (const { pid } of running.keys()) if (pid !== undefined) process.kill(-pid, 'SIGKILL');
  process.exit(0);
});
