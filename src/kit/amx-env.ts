/**
 * What prometheus-am-executor tells the commands it runs, made of the alerts behind a launch: AMX_* variables, named and filled as there
 * (main.go of v2.0: names of labels and annotations are neither upper-cased nor cleaned, alerts count from 1, times are Unix seconds).
 */
import type { HookAlert } from '../ports/hook.ts';

/** Bytes of names and values together; Linux gives a process 2 MiB for its arguments and environment, and 128 KiB for one of them. */
const MAX_BYTES = 256 * 1024;

/**
 * Empty for a launch that no alert asked for, so that a script can tell. What was common to the message is made anew of these alerts;
 * AMX_RECEIVER, AMX_EXTERNAL_URL and AMX_GLABEL_* are those of the first. What the sender did not say is left out, its status is `firing`:
 * that is how the launch found it.
 */
export function amxEnv(alerts: readonly HookAlert[]): Record<string, string> {
  if (alerts.length === 0) return {};
  const env: Record<string, string> = {};
  let room = MAX_BYTES;
  let told: readonly HookAlert[] = [];
  for (const [i, alert] of alerts.entries()) {
    const own = ofAlert(alert, `AMX_ALERT_${i + 1}_`);
    const bytes = sizeOf(own);
    if (bytes > room) break;
    room -= bytes;
    Object.assign(env, own);
    told = alerts.slice(0, i + 1);
  }
  const origin = told.find((a) => a.origin !== null)?.origin ?? null;
  const around: Record<string, string> = { AMX_STATUS: 'firing', AMX_ALERT_LEN: String(told.length) };
  if (origin?.receiver != null) put(around, 'AMX_RECEIVER', origin.receiver);
  if (origin?.externalUrl != null) put(around, 'AMX_EXTERNAL_URL', origin.externalUrl);
  putAll(around, 'AMX_GLABEL_', origin?.groupLabels ?? {});
  putAll(around, 'AMX_LABEL_', common(told.map((a) => a.labels)));
  putAll(around, 'AMX_ANNOTATION_', common(told.map((a) => a.annotations)));
  return { ...env, ...around };
}

function ofAlert({ episode, labels, annotations, startsAtMs, origin }: HookAlert, prefix: string): Record<string, string> {
  const env: Record<string, string> = { [`${prefix}STATUS`]: 'firing', [`${prefix}START`]: String(Math.floor(startsAtMs / 1000)), [`${prefix}END`]: '0' };
  if (origin?.generatorUrl != null) put(env, `${prefix}URL`, origin.generatorUrl);
  const cut = episode.lastIndexOf('/');
  put(env, `${prefix}FINGERPRINT`, cut < 0 ? episode : episode.slice(0, cut));
  putAll(env, `${prefix}LABEL_`, labels);
  putAll(env, `${prefix}ANNOTATION_`, annotations);
  return env;
}

function putAll(env: Record<string, string>, prefix: string, texts: Readonly<Record<string, string>>): void {
  for (const [name, text] of Object.entries(texts)) put(env, `${prefix}${name}`, text);
}

/** An environment can hold neither a NUL nor a name with `=`: what has one is left out. */
function put(env: Record<string, string>, name: string, text: string): void {
  if (!/[=\0]/.test(name) && !text.includes('\0')) env[name] = text;
}

/** Entries that all have, with the same text. */
function common(all: readonly Readonly<Record<string, string>>[]): Record<string, string> {
  const [first = {}, ...others] = all;
  return Object.fromEntries(Object.entries(first).filter(([name, text]) => others.every((o) => Object.hasOwn(o, name) && o[name] === text)));
}

function sizeOf(env: Readonly<Record<string, string>>): number {
  const encoder = new TextEncoder();
  return Object.entries(env).reduce((sum, [name, text]) => sum + encoder.encode(name).length + encoder.encode(text).length + 2, 0);
}
