import { kindOf, Malformed, readAnnotations, readLabels, shortText } from '../../../kit/alert-values.ts';
import type { ParsedAlerts } from '../../../ports/alert-format.ts';

const WITHOUT_EFFECT: Readonly<Record<string, string>> = {
  no_data: 'the rule has no data, which tells nothing of load',
  pending: 'the rule is pending: it has not fired yet',
  paused: 'the rule is paused',
  keep_state: 'the rule keeps its state for want of data',
  unknown: 'the state of the rule is not known yet',
};

/** The message of dashboard alerts (Grafana 8 and before). It names the rule and its state, and no start. */
export function readLegacy(message: Readonly<Record<string, unknown>>, nowMs: number): ParsedAlerts {
  const state = message['state'];
  if (typeof state !== 'string') throw new Malformed(`state is ${kindOf(state)}, not text`);
  if (Object.hasOwn(WITHOUT_EFFECT, state)) return { kind: 'ignored', why: WITHOUT_EFFECT[state] ?? state };
  if (state !== 'alerting' && state !== 'ok') throw new Malformed('state is none of alerting, ok, no_data, pending, paused, keep_state');
  const name = shortText(message['ruleName'], 'ruleName');
  const rule = message['ruleId'];
  if (typeof rule !== 'number' || !Number.isSafeInteger(rule)) throw new Malformed(`ruleId is ${kindOf(rule)}, not a whole number`);
  const org = typeof message['orgId'] === 'number' && Number.isSafeInteger(message['orgId']) ? message['orgId'] : 0;
  const tags = message['tags'];
  const labels = Object.assign(Object.create(null), tags === undefined || tags === null ? {} : readLabels(tags, 'tags'), { alertname: name });
  return {
    kind: 'alerts',
    truncated: 0,
    alerts: [
      {
        status: state === 'alerting' ? 'firing' : 'resolved',
        episode: `org${org}:rule${rule}`,
        name,
        labels,
        annotations: readAnnotations({ title: message['title'], message: message['message'] }),
        startsAtMs: nowMs,
        endsAtMs: state === 'ok' ? nowMs : null,
        startUnknown: true,
      },
    ],
  };
}
