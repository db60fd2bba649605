import { endMs, list, MAX_ALERTS, Malformed, readAnnotations, readLabels, record, rfc3339Ms, shortText, spokenText } from '../../../kit/alert-values.ts';
import { fingerprintOf } from '../../../kit/fingerprint.ts';
import { parseJson } from '../../../kit/parse-json.ts';
import type { AlertFormat, AlertOrigin, InboundAlert, ParsedAlerts } from '../../../ports/alert-format.ts';

/** The webhook message of Alertmanager, version "4". Each alert counts by its own status: one message may mix both. */
export const alertmanagerFormat: AlertFormat = formatOf(false);
/** The same, whatever version a message names. */
export const anyVersionFormat: AlertFormat = formatOf(true);

function formatOf(anyVersion: boolean): AlertFormat {
  return {
    parse(body): ParsedAlerts {
      const parsed = parseJson(body);
      if (!parsed.ok) return { kind: 'malformed', why: `the body cannot be read: ${parsed.why}` };
      try {
        const message = record(parsed.value, 'the body');
        if (!anyVersion) checkVersion(message['version']);
        return readMessage(message);
      } catch (e) {
        if (e instanceof Malformed) return { kind: 'malformed', why: e.message };
        throw e;
      }
    },
  };
}

function checkVersion(version: unknown): void {
  if (version === '1') throw new Malformed('version is "1": this is a message of Grafana, use the format grafana');
  if (version !== undefined && version !== '4') throw new Malformed('version is not "4", the only one that is known');
}

function readMessage(message: Readonly<Record<string, unknown>>): ParsedAlerts {
  if (message['alerts'] === undefined) throw new Malformed('alerts is missing: is a custom payload set in the webhook of Alertmanager?');
  const all = list(message['alerts'], 'alerts');
  if (all.length === 0) return { kind: 'ignored', why: 'the message holds no alert' };
  const around = readAround(message);
  const alerts = all.slice(0, MAX_ALERTS).map((alert, i) => readAlert(alert, `alerts[${i}]`, around));
  return { kind: 'alerts', alerts, truncated: leftOut(message['truncatedAlerts']) + all.length - alerts.length };
}

/** `max_alerts` of the sender cut them. Not needed to act, so nonsense counts as none. */
function leftOut(value: unknown): number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value > 0 ? value : 0;
}

/** Only told on, never acted on: what is not as expected is left out. */
function readAround(message: Readonly<Record<string, unknown>>): Omit<AlertOrigin, 'generatorUrl'> {
  return { receiver: spokenText(message['receiver']), externalUrl: spokenText(message['externalURL']), groupLabels: readAnnotations(message['groupLabels']) };
}

function readAlert(value: unknown, where: string, around: Omit<AlertOrigin, 'generatorUrl'>): InboundAlert {
  const alert = record(value, where);
  const status = alert['status'];
  if (status !== 'firing' && status !== 'resolved') throw new Malformed(`${where}.status is neither "firing" nor "resolved"`);
  const labels = readLabels(alert['labels'], `${where}.labels`);
  const startsAtMs = rfc3339Ms(alert['startsAt']);
  if (startsAtMs === null || startsAtMs <= 0) throw new Malformed(`${where}.startsAt is not a time`);
  const sent = alert['fingerprint'];
  const fingerprint = sent === undefined || sent === null || sent === '' ? fingerprintOf(labels) : shortText(sent, `${where}.fingerprint`);
  return {
    status,
    episode: `${fingerprint}/${startsAtMs}`,
    name: shortText(labels['alertname'] ?? 'unnamed', `${where}.labels.alertname`),
    labels,
    annotations: readAnnotations(alert['annotations']),
    startsAtMs,
    // While an alert fires, older versions write the time at which it would be given up here.
    endsAtMs: status === 'resolved' ? endMs(alert['endsAt']) : null,
    origin: { ...around, generatorUrl: spokenText(alert['generatorURL']) },
  };
}
