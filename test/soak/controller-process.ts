/**
 * node --expose-gc controller-process.ts FILE: the whole controller with that configuration, as `drover serve` wires it. Says over its channel
 * where it listens, and at each message what it holds. Ends when the channel does.
 */
import { startController } from '../../src/app/controller.ts';
import { collect } from './collect.ts';

export interface ControllerReady {
  readonly url: string;
  readonly tokenFile: string;
}
/** After a collection. Bytes, and counts. */
export interface Held {
  readonly heap: number;
  readonly rss: number;
  readonly external: number;
  readonly timers: number;
  /** Sockets, pipes, processes, files: everything but timers. */
  readonly handles: number;
  readonly runners: number;
  readonly alerts: number;
  /** Entries that all groups remember beside the store. */
  readonly remembered: number;
  readonly evaluated: number;
}

const [configFile = 'drover.yaml'] = process.argv.slice(2);
const controller = await startController({ configFile, log: { format: 'text', level: 'warn' } });

const LOOKS = 10;
const isTimer = (name: string): boolean => name === 'Timeout' || name === 'Immediate';

async function held(): Promise<Held> {
  const heap = collect();
  const { rss, external } = process.memoryUsage();
  // Calls under way have handles of their own: what stays is the least of several looks.
  let [timers, handles] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
  for (let i = 0; i < LOOKS; i++) {
    const resources = process.getActiveResourcesInfo();
    const now = resources.filter(isTimer).length;
    timers = Math.min(timers, now);
    handles = Math.min(handles, resources.length - now);
    await new Promise((done) => setTimeout(done, 20));
  }
  const runners = [...controller.engine.runners.values()];
  const remembered = runners.reduce((sum, r) => sum + r.health.size + r.absent.size + r.touchedMono.size + r.missing.size + r.views.size + r.inFlight.size, 0);
  return {
    heap,
    rss,
    external,
    timers,
    handles,
    runners: runners.length,
    alerts: controller.engine.alerts.size,
    remembered,
    evaluated: runners.filter((r) => r.lastEvaluatedMs !== null).length,
  };
}

process.on('message', () => void held().then((answer) => process.send?.(answer)));
process.once('disconnect', () => void controller.stop().then(() => process.exit(0)));
const ready: ControllerReady = { url: controller.url, tokenFile: controller.tokenFile };
process.send?.(ready);
