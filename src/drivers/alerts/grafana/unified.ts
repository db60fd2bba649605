import { endMs, list, MAX_ALERTS, Malformed, readAnnotations, readLabels, record, rfc3339Ms, shortText } from '../../../kit/alert-values.ts';
import { fingerprintOf } from '../../../kit/fingerprint.ts';
import type { InboundAlert, ParsedAlerts } from '../../../ports/alert-format.ts';

/** Alerts about the data source and not about the load. */
const NO_DATA_NAMES = new Set(['DatasourceNoData', 'DatasourceError']);
/** Set by Grafana when a rule fires for want of data ("Alert state if no data or all values are null: Alerting"). */
const STATE_REASON = 'grafana_state_reason';

/** The message of unified alerting, version "1": Alertmanager's with more fields. */
export function readUnified(message: Readonly<Record<string, unknown>>): ParsedAlerts {
  if (message['version'] === '4') throw new Malformed('version is "4": this is a message of Alertmanager, use the format alertmanager');
  if (message['version'] !== undefined && message['version'] !== '1') throw new Malformed('version is not "1", the only one that is known');
  const all = list(message['alerts'], 'alerts');
  const org = message['orgId'];
  const read = all.slice(0, MAX_ALERTS).map((alert, i) => readAlert(alert, org, `alerts[${i}]`));
  const alerts = read.filter((alert) => whyIgnored(alert) === null);
  const ignored = read.map(whyIgnored).find((why) => why !== null);
  if (alerts.length === 0) return { kind: 'ignored', why: ignored ?? 'the message holds no alert' };
  const cut = message['truncatedAlerts'];
  const truncated = typeof cut === 'number' && Number.isSafeInteger(cut) && cut > 0 ? cut : 0;
  return { kind: 'alerts', alerts, truncated: truncated + all.length - read.length };
}

function whyIgnored(alert: InboundAlert): string | null {
  if (NO_DATA_NAMES.has(alert.name)) return `${alert.name} tells of missing data, not of load`;
  const reason = alert.annotations[STATE_REASON];
  if (alert.status === 'firing' && reason !== undefined && /nodata|error/i.test(reason))
    return `the rule fires for want of data (${reason.slice(0, 40)}), not of load`;
  if (alert.name === 'TestAlert' && alert.labels['instance'] === 'Grafana') return 'this is the test message of a contact point';
  return null;
}

function readAlert(value: unknown, org: unknown, where: string): InboundAlert {
  const alert = record(value, where);
  const status = alert['status'];
  if (status !== 'firing' && status !== 'resolved') throw new Malformed(`${where}.status is neither "firing" nor "resolved"`);
  const labels = readLabels(alert['labels'], `${where}.labels`);
  const startsAtMs = rfc3339Ms(alert['startsAt']);
  if (startsAtMs === null || startsAtMs <= 0) throw new Malformed(`${where}.startsAt is not a time`);
  const sent = alert['fingerprint'];
  const fingerprint = sent === undefined || sent === null || sent === '' ? fingerprintOf(labels) : shortText(sent, `${where}.fingerprint`);
  // Two organisations of one Grafana may have rules with the same labels.
  const orgId = alert['orgId'] ?? org;
  const prefix = typeof orgId === 'number' && Number.isSafeInteger(orgId) ? `org${orgId}/` : '';
  return {
    status,
    episode: `${prefix}${fingerprint}/${startsAtMs}`,
    name: shortText(labels['alertname'] ?? 'unnamed', `${where}.labels.alertname`),
    labels,
    annotations: readAnnotations(alert['annotations']),
    startsAtMs,
    endsAtMs: status === 'resolved' ? endMs(alert['endsAt']) : null,
  };
}
