import { kindOf, list, MAX_ALERTS, Malformed, readLabels, record, rfc3339Ms, shortText } from '../../../kit/alert-values.ts';
import { fingerprintOf } from '../../../kit/fingerprint.ts';
import { readPointer } from '../../../kit/json-pointer.ts';
import { parseJson } from '../../../kit/parse-json.ts';
import type { AlertFormat, InboundAlert, ParsedAlerts } from '../../../ports/alert-format.ts';
import type { GenericOptions } from './options.ts';

/** Any JSON, by a mapping of the operator's. */
export function openGeneric(options: GenericOptions): AlertFormat {
  return {
    parse(body, nowMs) {
      const parsed = parseJson(body);
      if (!parsed.ok) return { kind: 'malformed', why: `the body cannot be read: ${parsed.why}` };
      try {
        return readBody(options, parsed.value, nowMs);
      } catch (e) {
        if (e instanceof Malformed) return { kind: 'malformed', why: e.message };
        throw e;
      }
    },
  };
}

function readBody(options: GenericOptions, body: unknown, nowMs: number): ParsedAlerts {
  const all = options.alerts === undefined ? [body] : list(readPointer(body, options.alerts), options.alerts === '' ? 'the body' : options.alerts);
  const read = all.slice(0, MAX_ALERTS);
  const alerts: InboundAlert[] = [];
  for (const [i, item] of read.entries()) {
    const alert = readAlert(options, record(item, options.alerts === undefined ? 'the body' : `alert ${i}`), nowMs);
    if (alert !== null) alerts.push(alert);
  }
  if (alerts.length > 0) return { kind: 'alerts', alerts, truncated: all.length - read.length };
  return { kind: 'ignored', why: read.length === 0 ? 'the list of alerts is empty' : 'no alert has a state that means firing or resolved' };
}

/** Null: its state is none of those that have an effect. */
function readAlert(options: GenericOptions, item: Readonly<Record<string, unknown>>, nowMs: number): InboundAlert | null {
  const status = statusOf(options, item);
  if (status === null) return null;
  const name = typeof options.name === 'string' ? nameAt(item, options.name) : options.name.value;
  const labels = labelsOf(options, item, name);
  const fingerprint = options.fingerprint === undefined ? fingerprintOf(labels) : scalarText(readPointer(item, options.fingerprint), options.fingerprint);
  if (fingerprint === '' || fingerprint.length > 500) throw new Malformed(`${options.fingerprint ?? 'the fingerprint'} is empty or longer than 500 characters`);
  if (options.starts_at === undefined) {
    return {
      status,
      episode: fingerprint.replaceAll('/', '%2F'), // behind a slash stands a start
      name,
      labels,
      annotations: {},
      startsAtMs: nowMs,
      endsAtMs: status === 'resolved' ? nowMs : null,
      startUnknown: true,
    };
  }
  const startsAtMs = timeMs(readPointer(item, options.starts_at));
  if (startsAtMs === null) throw new Malformed(`${options.starts_at} is not a time (RFC 3339, Unix seconds or Unix ms)`);
  return { status, episode: `${fingerprint}/${startsAtMs}`, name, labels, annotations: {}, startsAtMs, endsAtMs: status === 'resolved' ? nowMs : null };
}

function statusOf(options: GenericOptions, item: Readonly<Record<string, unknown>>): 'firing' | 'resolved' | null {
  if (options.status === undefined) return 'firing';
  const value = readPointer(item, options.status.at);
  if (value === undefined) throw new Malformed(`there is nothing at ${options.status.at}, where the state should be`);
  if (options.status.firing.some((v) => v === value)) return 'firing';
  return options.status.resolved.some((v) => v === value) ? 'resolved' : null;
}

function nameAt(item: Readonly<Record<string, unknown>>, pointer: string): string {
  const name = shortText(readPointer(item, pointer), pointer);
  if (name === '') throw new Malformed(`${pointer} is empty, where the name should be`);
  return name;
}

function labelsOf(options: GenericOptions, item: Readonly<Record<string, unknown>>, name: string): Readonly<Record<string, string>> {
  const found: [string, string][] = [['alertname', name]];
  for (const [label, pointer] of Object.entries(options.labels)) {
    const value = readPointer(item, pointer);
    if (value !== undefined && value !== null) found.push([label, scalarText(value, pointer)]);
  }
  return readLabels(Object.fromEntries(found), 'the alert');
}

function scalarText(value: unknown, pointer: string): string {
  if (typeof value === 'string') return value;
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  throw new Malformed(`${pointer} is ${kindOf(value)}, not text or a number`);
}

/** Unix seconds up to the year 5138 are smaller than Unix ms since 1973. */
function timeMs(value: unknown): number | null {
  if (typeof value === 'string' && !/^\d{9,13}(?:\.\d{1,9})?$/.test(value)) return rfc3339Ms(value);
  const number = typeof value === 'string' ? Number(value) : value;
  if (typeof number !== 'number' || !(number > 0) || number > 8.64e15) return null;
  return Math.round(number < 1e11 ? number * 1000 : number);
}
