/** What node-exporter would say of an emulated machine, text format 0.0.4. */
import { createServer, type Server } from 'node:http';
import { labelValue, MetricsText } from '../api/metrics-text.ts';
import type { Processors } from './processors.ts';

/** Used by the system of a machine that does nothing, share of its memory. */
const BASE_USED = 0.15;
const BASE_ACTIVE = 0.1;
const REQUEST_BYTES = 1024 * 1024;
const BASE_THREADS = 8;
/** Of busy time; the rest is `system`. */
const USER_SHARE = 0.85;
const MODES = ['idle', 'iowait', 'irq', 'nice', 'softirq', 'steal', 'system', 'user'] as const;

export interface ExporterFacts {
  readonly name: string;
  readonly memoryMb: number;
  readonly processors: Processors;
  /** Held by load put on the machine, bytes. */
  readonly loadBytes: () => number;
  readonly load1: () => number;
  /** Finished requests of the application, by status. Null: it does not run. */
  readonly served: () => ReadonlyMap<number, number> | null;
  /** Unix ms. */
  readonly bootedMs: number;
}

export function exporterText(facts: ExporterFacts): string {
  const text = new MetricsText();
  const metric: MetricsText['add'] = (...family) => text.add(...family);
  const { processors } = facts;
  const { busyMs, upMs } = processors.usage();
  metric(
    'node_cpu_seconds_total',
    'counter',
    'Seconds the CPUs spent in each mode.',
    busyMs.flatMap((busy, cpu) => MODES.map((mode): [string, number] => [`{cpu="${cpu}",mode="${mode}"}`, secondsIn(mode, busy, upMs)])),
  );
  const total = facts.memoryMb * 1024 * 1024;
  const extra = facts.loadBytes() + processors.requests * REQUEST_BYTES;
  const used = Math.min(total, Math.round(total * BASE_USED) + extra);
  const memory = (name: string, bytes: number) => metric(`node_memory_${name}_bytes`, 'gauge', `Memory information field ${name}_bytes.`, [['', bytes]]);
  memory('Active', Math.min(total, Math.round(total * BASE_ACTIVE) + extra));
  memory('MemAvailable', total - used);
  memory('MemFree', Math.round((total - used) * 0.8));
  memory('MemTotal', total);
  metric('node_load1', 'gauge', '1m load average.', [['', facts.load1()]]);
  metric('node_boot_time_seconds', 'gauge', 'Node boot time, in unixtime.', [['', facts.bootedMs / 1000]]);
  metric('node_time_seconds', 'gauge', 'System time in seconds since epoch (1970).', [['', Date.now() / 1000]]);
  metric('node_uname_info', 'gauge', 'Labeled system information as provided by the uname system call.', [
    [`{domainname="(none)",machine="x86_64",nodename="${labelValue(facts.name)}",release="6.1.0-emulated",sysname="Linux",version="#1 SMP"}`, 1],
  ]);
  const served = facts.served();
  if (served !== null) {
    metric(
      'http_requests_total',
      'counter',
      'Finished requests of the application.',
      [200, 503].map((code) => [`{code="${code}"}`, served.get(code) ?? 0]),
    );
    metric('app_threads', 'gauge', 'Threads of the application: some that are always there, and one for each request under way.', [
      ['', BASE_THREADS + processors.requests],
    ]);
  }
  return text.toString();
}

function secondsIn(mode: (typeof MODES)[number], busyMs: number, upMs: number): number {
  switch (mode) {
    case 'idle':
      return (upMs - busyMs) / 1000;
    case 'user':
      return (busyMs * USER_SHARE) / 1000;
    case 'system':
      return (busyMs * (1 - USER_SHARE)) / 1000;
    default:
      return 0;
  }
}

/** Not listening yet. */
export function createExporter(facts: ExporterFacts): Server {
  return createServer((request, response) => {
    request.resume();
    const path = (request.url ?? '/').split('?')[0];
    if (path !== '/metrics') return void response.writeHead(404).end('there is /metrics\n');
    response.writeHead(200, { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' }).end(exporterText(facts));
  });
}
