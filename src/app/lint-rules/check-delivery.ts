import { child } from '../../config/tree.ts';
import { matchesAll, receiversOf, routesFor } from './alertmanager-file.ts';
import { type Chain, growingAlerts, shrinkingAlerts } from './check-scaling.ts';
import { takes } from './executor-file.ts';
import { findingAt, type RuleFinding, spoken } from './finding.ts';
import { type ForeignFile, itemsOf, spanWithin, textOf } from './foreign-file.ts';
import type { Rule } from './rule-files.ts';

/** How long creating a machine and waiting until it runs may take; the pipelines that people publish wait 2 minutes. */
const COMMAND_MS = 120_000;

/** Alerts that never arrive: routed to nobody, muted, or inhibited by another. */
export function checkRoutes(chain: Chain): readonly RuleFinding[] {
  const { alertmanager, rules } = chain;
  if (alertmanager === null || alertmanager.root === null) return [];
  const scaling = [...growingAlerts(chain), ...shrinkingAlerts(chain)];
  return scaling.flatMap((alert) => [...dropped(alertmanager, alert), ...inhibited(alertmanager, alert, rules.alerts)]);
}

function dropped(file: ForeignFile, alert: Rule): readonly RuleFinding[] {
  const receivers = receiversOf(file);
  const routes = routesFor(file, alert.labels);
  const found: RuleFinding[] = [];
  if (routes.every((r) => receivers.get(r.receiver)?.tells !== true)) {
    const [route] = routes;
    const node = child(route?.node, 'receiver') ?? route?.node;
    found.push(
      findingAt(file.frame, 'alert-dropped', node?.span ?? { start: 0, end: 1 }, {
        message: `${alert.name} is dropped`,
        label:
          route === undefined
            ? 'there is no route'
            : `it is routed to \`${route.receiver}\`, which ${receivers.has(route.receiver) ? 'tells nobody' : 'is not among the receivers'}`,
        fix: `put a route before it: - { matchers: ['alertname = "${alert.name}"'], receiver: the one with the webhook }`,
      }),
    );
  }
  for (const route of routes) {
    const muted = child(route.node, 'mute_time_intervals');
    if (itemsOf(muted).length === 0 || muted === undefined) continue;
    found.push(
      findingAt(file.frame, 'alert-dropped', muted.span, {
        message: `${alert.name} is muted at times`,
        label: `no notification in ${itemsOf(muted).map(textOf).join(', ')}, so nothing scales then`,
        fix: 'mute people, not machines: a route of its own for the alerts that scale, without mute_time_intervals',
      }),
    );
  }
  return found;
}

function inhibited(file: ForeignFile, alert: Rule, alerts: readonly Rule[]): readonly RuleFinding[] {
  const found: RuleFinding[] = [];
  for (const rule of itemsOf(child(file.root ?? undefined, 'inhibit_rules'))) {
    if (!matchesAll(rule, alert.labels, 'target_')) continue;
    const equal = itemsOf(child(rule, 'equal')).map((e) => textOf(e) ?? '');
    const source = alerts.find(
      (other) =>
        other.name !== alert.name && matchesAll(rule, other.labels, 'source_') && equal.every((label) => other.labels.get(label) === alert.labels.get(label)),
    );
    if (source === undefined) continue;
    const node = child(rule, 'target_match') ?? child(rule, 'target_matchers') ?? child(rule, 'target_match_re') ?? rule;
    found.push(
      findingAt(file.frame, 'alert-dropped', node.span, {
        message: `${alert.name} is silenced while ${source.name} fires`,
        label: 'this inhibition holds for it',
        fix: `add a label to \`equal\` in which the two differ, such as alertname, or give ${alert.name} another severity`,
      }),
    );
  }
  return found;
}

/** A command slower than group_interval is cancelled by Alertmanager, counted as failed and started again. */
export function checkGroupInterval(chain: Chain): readonly RuleFinding[] {
  const { alertmanager, executor } = chain;
  if (alertmanager === null) return [];
  const receivers = receiversOf(alertmanager);
  const seen = new Set<unknown>();
  return [...growingAlerts(chain), ...shrinkingAlerts(chain)].flatMap((alert) =>
    routesFor(alertmanager, alert.labels).flatMap((route) => {
      if (route.groupIntervalMs >= COMMAND_MS || seen.has(route.node) || (receivers.get(route.receiver)?.webhooks.length ?? 0) === 0) return [];
      // Whatever answers at once has no such limit; only the executor waits for its command.
      if (executor === null) return [];
      seen.add(route.node);
      const root = child(alertmanager.root ?? undefined, 'route');
      const node = child(route.node, 'group_interval') ?? child(root, 'group_interval') ?? route.node;
      return [
        findingAt(alertmanager.frame, 'short-group-interval', node.span, {
          message: `group_interval ${spoken(route.groupIntervalMs)} is shorter than the command of ${alert.name} may take`,
          label: `the executor answers when its command has ended (a machine: up to ${spoken(COMMAND_MS)}); every ${spoken(route.groupIntervalMs)} it is asked again, and starts another`,
          fix: 'group_interval: 5m here and max: 1 at the command, or a receiver that answers at once and counts an alert once',
        }),
      ];
    }),
  );
}

/** What the executor does with the alerts. */
export function checkExecutor(chain: Chain): readonly RuleFinding[] {
  const { executor, commands, rules } = chain;
  if (executor === null) return [];
  const killed = commands
    .filter((c) => !c.ignoresResolved)
    .map((command) =>
      findingAt(executor.frame, 'resolved-kills', spanWithin(executor.frame, command.signalNode ?? command.cmdNode), {
        message: `${command.cmd} is ended half-way when the alert resolves`,
        label: `${command.signal === null ? 'without resolved_signal it gets SIGKILL' : `it gets ${command.signal}`}: between create and node-create that leaves a machine that is paid for and in no balancer`,
        fix: 'ignore_resolved: true',
      }),
    );
  const deaf = rules.alerts.length > 0 ? commands.filter((c) => !rules.alerts.some((a) => takes(c, a.labels))) : [];
  return [
    ...killed,
    ...deaf.map((command) =>
      findingAt(executor.frame, 'no-command', spanWithin(executor.frame, command.cmdNode), {
        message: `no alert of these rules starts ${command.cmd}`,
        label: `it asks for ${[...command.labels].map(([k, v]) => `${k}=${v}`).join(', ')}`,
        fix: `match an alert that is there: ${rules.alerts
          .map((a) => a.name)
          .slice(0, 10)
          .join(', ')}`,
      }),
    ),
  ];
}
