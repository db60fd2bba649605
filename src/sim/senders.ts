import type { InboundAlert } from '../ports/ports.ts';
import type { Dice } from './dice.ts';
import type { Fault } from './faults.ts';
import type { SimWorld } from './world.ts';

/** Alertmanager as it is: at least once, in any order, sometimes long after, and now and then never again. */
export function sendAlerts(world: SimWorld, d: Dice, how: Fault): void {
  const { tickMs } = world.scenario;
  const now = world.clock.wall();
  const startsAtMs = how === 'alert-replayed' ? now - 7 * 86_400_000 - d.int(0, 10) * tickMs : now - d.int(0, 3) * 1_000;
  const firing: InboundAlert = {
    status: 'firing',
    episode: `high/${startsAtMs}`,
    name: 'High',
    labels: { alertname: 'High' },
    annotations: {},
    startsAtMs,
    endsAtMs: null,
  };
  const lastsMs = d.int(2, 40) * tickMs;
  const resolved: InboundAlert = { ...firing, status: 'resolved', endsAtMs: startsAtMs + lastsMs };
  const id = `${how} ${world.now}`;
  const send = (afterMs: number, alert: InboundAlert, delivery: string | null): void => {
    world.clock.after(afterMs, () => deliver(world, d, alert, delivery));
  };
  if (how === 'alert-reordered') {
    send(0, resolved, null);
    send(d.int(0, 2) * tickMs, firing, null);
    return;
  }
  send(0, firing, id);
  if (how === 'alert-doubled') {
    send(d.int(0, 2_000), firing, id);
    for (let at = 4 * tickMs; at < lastsMs; at += 4 * tickMs) send(at, firing, null);
  }
  if (how !== 'alert-unresolved') {
    send(lastsMs, resolved, null);
    if (d.chance(0.5)) send(lastsMs + d.int(0, 5) * tickMs, firing, d.chance(0.5) ? id : null);
  }
}

function deliver(world: SimWorld, d: Dice, alert: InboundAlert, delivery: string | null): void {
  const running = world.running();
  if (running.length === 0) return;
  const process = d.pick(running);
  world.true(`a sender tells ${process.name}: ${alert.episode} ${alert.status}`);
  process.operating.receive('am', [alert], delivery).then(
    // What is too old, or over already, is answered as well and has no effect.
    ({ fired, refreshed, resolved }) => {
      if (fired + refreshed + resolved > 0 || alert.status === 'resolved')
        world.watch.tell('acknowledged', { kind: 'alert', receiver: 'am', episode: alert.episode, status: alert.status });
    },
    () => {},
  );
}
