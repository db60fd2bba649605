/** The ports of a driver with a vendor behind them that answers whatever it is told to. Time passes in sleeps only. */

import { type Clock, DriverError, type DriverPorts, type RunResult } from '../../../src/ports/ports.ts';
import { realPorts } from '../../support/ports.ts';
import type { Reply } from './vendor-replies.ts';

const T0 = Date.UTC(2026, 10, 22, 12, 0, 0);
/** One call of a driver may ask so often; more would be for ever. */
const MOST_QUESTIONS = 2000;

export interface Vendor {
  http(url: string, method: string, body: string): Reply;
  socket(line: string): string;
  process(call: string): RunResult;
}

export interface Stage {
  readonly ports: DriverPorts;
  /** Aborts when the time of the call is over. */
  readonly signal: AbortSignal;
  /** What the vendor was asked and answered, for the report. */
  readonly log: readonly string[];
}

function stageClock(limitMs: number): { readonly clock: Clock; readonly signal: AbortSignal } {
  const controller = new AbortController();
  const timers: { atMs: number; run: () => void }[] = [];
  let now = 0;
  const clock: Clock = {
    wall: () => T0 + now,
    mono: () => now,
    sleep: async (ms, signal) => {
      signal?.throwIfAborted();
      now += ms;
      for (const timer of timers.splice(0)) {
        if (timer.atMs <= now) timer.run();
        else timers.push(timer);
      }
      if (now >= limitMs) controller.abort(new DriverError('unreachable', 'the time is over'));
      signal?.throwIfAborted();
    },
    after: (ms, run) => {
      const timer = { atMs: now + ms, run };
      timers.push(timer);
      return () => void timers.splice(timers.indexOf(timer), timers.includes(timer) ? 1 : 0);
    },
  };
  return { clock, signal: controller.signal };
}

const base = realPorts();

export function stageOf(vendor: Vendor, limitMs = 5000): Stage {
  const { clock, signal } = stageClock(limitMs);
  const log: string[] = [];
  const note = <T>(asked: string, answer: T): T => {
    if (log.length >= MOST_QUESTIONS) throw new Error(`the driver asks for ever, last: ${asked}`);
    log.push(`${asked.trim()} → ${JSON.stringify(answer)}`);
    return answer;
  };
  const encoder = new TextEncoder();
  const ports: DriverPorts = {
    ...base,
    clock,
    random: { u32: () => 7 },
    installId: 'fuzz',
    http: {
      request: async ({ url, method, body, maxBytes }) => {
        const { status, headers, text, broken } = note(`${method} ${url}`, vendor.http(url, method, String(body ?? '')));
        const bytes = encoder.encode(text);
        if (bytes.length > maxBytes) throw new DriverError('bad-reply', 'the answer is too large');
        return { status, headers, body: broken ? new Uint8Array([...bytes.slice(0, 5000), 0xe2, 0x82]) : bytes };
      },
    },
    sockets: { exchange: async (_target, line) => note(line, vendor.socket(line)), canConnect: async () => true },
    processes: { ...base.processes, run: async ({ env }) => note(env['DROVER_CALL'] ?? '', vendor.process(env['DROVER_CALL'] ?? '')) },
    files: { ...base.files, writeAtomic: async () => {} },
  };
  return { ports, signal, log };
}
