/**
 * `node controller.ts FILE`: starts what `drover serve FILE` starts, with a crash function. At the nth time of a label the process kills
 * itself with SIGKILL, as the kernel would. The product has no switch for this; it exists here only.
 *
 * CRASH_AT=LABEL:NTH arms it from the first instruction on; a message `{ arm: 'LABEL:NTH' }` arms it later. FIRST>LABEL:NTH counts LABEL
 * only once FIRST was passed. A message goes out when the
 * controller is ready. The file TICKS gets the wall time of every evaluation tick, and the label it died at.
 */
import { closeSync, openSync, writeSync } from 'node:fs';
import { flushCompileCache } from 'node:module';
import { startController } from '../../src/app/controller.ts';
import type { Crash } from '../../src/ports/crash.ts';

export interface Ready {
  readonly kind: 'ready';
  readonly url: string;
  readonly tokenFile: string;
}
export interface Armed {
  readonly kind: 'armed';
  readonly at: string;
}
export type FromController = Ready | Armed;
export interface ToController {
  readonly arm: string;
}

/** The file cannot ask for less than a second; the books can, and a spec whose hash is that of the file stays as it is. */
const TICK_MS = 100;

const [file = ''] = process.argv.slice(2);
const diary = openSync(process.env['TICKS'] ?? '/dev/null', 'a');
process.once('exit', () => closeSync(diary));

let armed: { readonly at: string; first: string | null; readonly label: string; left: number } | null = null;
let lastTick = 0;

function arm(text: string): void {
  const [, at = '', first, label = '', nth] = /^((?:([^>]+)>)?([^>]+)):(\d+)$/.exec(text) ?? [];
  armed = { at, first: first ?? null, label, left: Number(nth) };
  if (!(armed.left > 0)) throw new Error(`${text} is not LABEL:NTH`);
}

const crash: Crash = (label) => {
  if (label === 'cycle:observed') {
    const now = Date.now();
    if (Math.floor(now / TICK_MS) > lastTick) writeSync(diary, `tick ${now}\n`);
    lastTick = Math.floor(now / TICK_MS);
  }
  if (armed === null) return;
  if (armed.first === label) armed.first = null;
  if (armed.first !== null || armed.label !== label || --armed.left > 0) return;
  writeSync(diary, `killed ${armed.at}\n`);
  process.kill(process.pid, 'SIGKILL');
};

const tell = (message: FromController): void => void process.send?.(message);
process.on('message', (message) => {
  const { arm: at } = message as ToController;
  arm(at);
  tell({ kind: 'armed', at });
});
process.once('disconnect', () => process.exit(0)); // whoever watches us is gone

if (process.env['CRASH_AT']) arm(process.env['CRASH_AT']);
const controller = await startController({ configFile: file, crash, log: { format: 'json', write: (line) => void process.stderr.write(line) } });
for (const { spec } of await controller.store.groups()) {
  if (spec.evaluateEveryMs === TICK_MS) continue;
  const destruction = { ...spec.limits.destruction, windowMs: 5 * TICK_MS };
  const quick = { ...spec, evaluateEveryMs: TICK_MS, health: { ...spec.health, everyMs: TICK_MS }, limits: { ...spec.limits, destruction } };
  await controller.store.control([{ kind: 'put-spec', spec: quick }], []);
  await controller.engine.refresh(spec.name);
}
flushCompileCache(); // a killed process writes nothing at its end
tell({ kind: 'ready', url: controller.url, tokenFile: controller.tokenFile });
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => void controller.stop().then(() => process.exit(0)));
