import { child } from '../../config/tree.ts';
import { receiversOf, routesFor } from './alertmanager-file.ts';
import { type Command, looksForResolved, shrinks, takes } from './executor-file.ts';
import { findingAt, type RuleFinding, spoken } from './finding.ts';
import { type ForeignFile, spanWithin, textAt } from './foreign-file.ts';
import { comparisonsOf, isBounded, metricsOf, type Rule, type RuleSet } from './rule-files.ts';

/** What is checked together. */
export interface Chain {
  readonly rules: RuleSet;
  readonly alertmanager: ForeignFile | null;
  readonly prometheus: ForeignFile | null;
  readonly executor: ForeignFile | null;
  readonly commands: readonly Command[];
}

const LOAD_METRIC = /cpu|load|memory|mem_|requests?_|_requests|rps|connections|sessions|queue|latency|duration|threads|busy|active/i;
const LOAD_ALERT = /(high|low|over|under).*(load|cpu|mem|traffic|request|queue|util)|scale[-_ ]?(out|up|in|down)|saturat|overload|busy|idle/i;
const DAY_MS = 86_400_000;

/** Alerts that make a group grow: those a command takes, else those about load, which fire when something is large. */
export function growingAlerts({ rules, commands }: Chain): readonly Rule[] {
  const growing = rules.alerts.filter((a) => comparisonsOf(a.tree).some((c) => c.op.startsWith('>')));
  if (commands.length > 0) return growing.filter((a) => commands.some((c) => takes(c, a.labels) && !shrinks(c)));
  return growing.filter((a) => aboutLoad(a, rules));
}

/** Alerts that fire when a load is small. */
export function shrinkingAlerts({ rules, commands }: Chain): readonly Rule[] {
  const low = rules.alerts.filter((a) => comparisonsOf(a.tree).some((c) => c.op.startsWith('<')) && !growsToo(a));
  if (commands.length > 0) return low.filter((a) => commands.some((c) => takes(c, a.labels)));
  return low.filter((a) => aboutLoad(a, rules));
}

/** `load > 0.7 and count(up) < 10` is a bounded growing alert, not a shrinking one. */
function growsToo(alert: Rule): boolean {
  return comparisonsOf(alert.tree)[0]?.op.startsWith('>') === true;
}

function aboutLoad(alert: Rule, rules: RuleSet): boolean {
  const metrics = metricsOf(alert.tree, rules.records);
  return LOAD_ALERT.test(alert.name) || metrics.some((m) => LOAD_METRIC.test(m) && m !== 'up');
}

const at = (rule: Rule) => [rule.file.frame, spanWithin(rule.file.frame, rule.nameNode)] as const;
const exprAt = (rule: Rule) => [rule.file.frame, spanWithin(rule.file.frame, rule.expr)] as const;

/** Nothing ever takes a machine away, or `resolved` is meant to. */
export function checkScaleIn(chain: Chain): readonly RuleFinding[] {
  const growing = growingAlerts(chain);
  const [first] = growing;
  const found: RuleFinding[] = [];
  if (first !== undefined && shrinkingAlerts(chain).length === 0) {
    const [frame, span] = at(first);
    found.push(
      findingAt(frame, 'no-scale-in', span, {
        message: `${growing.length === 1 ? `${first.name} adds` : `${growing.map((a) => a.name).join(', ')} add`} machines, and no alert takes any away`,
        label: 'the group only grows; every machine it adds is paid for until somebody deletes it',
        fix: `add an alert of its own for little load, e.g. - { alert: LowLoad, expr: ${first.name === 'LowLoad' ? 'load' : lowExpression(first)}, for: 15m }\nnot the "resolved" of this one: prometheus-am-executor since v1.0.0 runs no command on it`,
      }),
    );
  }
  return [...found, ...relianceOnResolved(chain, growing)];
}

function lowExpression(alert: Rule): string {
  const [comparison] = comparisonsOf(alert.tree);
  const expression = textAt({ kind: 'map', entries: [{ key: 'expr', keySpan: alert.expr.span, value: alert.expr }], span: alert.expr.span }, 'expr') ?? '';
  const of = comparison === undefined ? null : expression.slice(comparison.of.start, comparison.of.end).trim();
  return of === null || of.length > 80 ? '"… < 0.3"' : `"${of.replaceAll('"', "'")} < ${Math.round((comparison?.threshold ?? 0.7) * 400) / 1000}"`;
}

function relianceOnResolved(chain: Chain, growing: readonly Rule[]): readonly RuleFinding[] {
  const { commands, executor, alertmanager } = chain;
  const found: RuleFinding[] = [];
  if (executor !== null) {
    for (const command of commands) {
      const shared = growing.find((a) => takes(command, a.labels)) ?? null;
      const byStatus = looksForResolved(command) || command.labels.has('status');
      if (!byStatus && !(shrinks(command) && shared !== null)) continue;
      found.push(
        findingAt(executor.frame, 'resolved-scales-in', spanWithin(executor.frame, command.cmdNode), {
          message: `${command.cmd} takes machines away on the wrong message${shared === null ? '' : `: it runs when ${shared.name} fires`}`,
          label: 'a command runs on "firing" only; on "resolved" nothing is started (v1.0.0 and later)',
          fix: 'give it an alert of its own that fires at little load, and match that one in match_labels',
        }),
      );
    }
  }
  if (alertmanager !== null && shrinkingAlerts(chain).length === 0) {
    for (const { webhooks } of new Set(
      growing.flatMap((a) => routesFor(alertmanager, a.labels).map((r) => receiversOf(alertmanager).get(r.receiver))).filter((r) => r !== undefined),
    )) {
      for (const hook of webhooks) {
        const node = child(hook, 'send_resolved');
        if (node === undefined || textAt(hook, 'send_resolved') !== 'true') continue;
        found.push(
          findingAt(alertmanager.frame, 'resolved-scales-in', node.span, {
            message: 'scale-in rests on "resolved", which also comes when monitoring is lost',
            label: 'when Prometheus dies, its alerts resolve by themselves a few minutes later',
            fix: 'take machines away on an alert of its own that fires at little load',
          }),
        );
      }
    }
  }
  return found;
}

/** Without a maximum each notification adds one more. */
export function checkMaximum(chain: Chain): readonly RuleFinding[] {
  return growingAlerts(chain)
    .filter((alert) => !isBounded(alert.tree))
    .flatMap((alert) => {
      const [frame, span] = exprAt(alert);
      const repeat = repeatOf(chain, alert);
      const found = [
        findingAt(frame, 'no-maximum', span, {
          message: `${alert.name} has no maximum: it goes on firing however many machines there are`,
          label:
            repeat === null
              ? 'each notification adds a machine, for as long as the load lasts'
              : `one machine more every ${spoken(repeat.ms)}: up to ${Math.round(DAY_MS / repeat.ms)} a day`,
          fix: 'end the expression with a bound, e.g. … and on() count(up == 1) < 10\nor let something with a maximum of its own take the alert: in Drover `max` of the group',
        }),
      ];
      if (repeat === null || chain.alertmanager === null) return found;
      return [
        ...found,
        findingAt(chain.alertmanager.frame, 'repeat-adds', repeat.span, {
          message: `repeat_interval runs the command of ${alert.name} again while it fires`,
          label: `${Math.round(DAY_MS / repeat.ms)} times a day for one incident that lasts`,
          fix: 'a repeat is a reminder, not a new event: bound the alert, or let something take it that counts an alert once (Drover: fingerprint and startsAt)',
        }),
      ];
    });
}

/** Where the repetition of an alert to a webhook is written (or the route, where the default holds). */
function repeatOf({ alertmanager }: Chain, alert: Rule): { readonly ms: number; readonly span: { start: number; end: number } } | null {
  if (alertmanager === null) return null;
  const receivers = receiversOf(alertmanager);
  for (const route of routesFor(alertmanager, alert.labels)) {
    if ((receivers.get(route.receiver)?.webhooks.length ?? 0) === 0 || route.repeatIntervalMs <= 0) continue;
    const root = child(alertmanager.root ?? undefined, 'route');
    const span = (child(route.node, 'repeat_interval') ?? child(root, 'repeat_interval') ?? child(route.node, 'receiver') ?? route.node).span;
    return { ms: Math.max(route.repeatIntervalMs, route.groupIntervalMs), span };
  }
  return null;
}
