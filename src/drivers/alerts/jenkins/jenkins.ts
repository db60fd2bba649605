import { Malformed, readLabels, record, shortText } from '../../../kit/alert-values.ts';
import { durationMs } from '../../../kit/duration-text.ts';
import { fingerprintOf } from '../../../kit/fingerprint.ts';
import { parseJson } from '../../../kit/parse-json.ts';
import type { AlertFormat, InboundAlert, ParsedAlerts, TriggerJob } from '../../../ports/alert-format.ts';
import type { JenkinsOptions } from './options.ts';

/** Read by the alert policy: such an alert is one change, and over at this time (Unix ms). */
const ONCE_UNTIL = '__drover_once_until';

export function jobsOf(options: JenkinsOptions): TriggerJob[] {
  return Object.entries(options.jobs).map(([name, job]) => ({
    name,
    parameters: job.parameters,
    validForMs: durationMs(job.valid_for),
    quietMs: durationMs(job.quiet_period),
  }));
}

/** Reads `{ job, parameters }`: what the routes of Jenkins make of a request. A trigger is an alert named after its job. */
export function openJenkins(jobs: readonly TriggerJob[]): AlertFormat {
  return {
    parse(body, nowMs): ParsedAlerts {
      const parsed = parseJson(body);
      if (!parsed.ok) return { kind: 'malformed', why: `the body cannot be read: ${parsed.why}` };
      try {
        return { kind: 'alerts', alerts: [readTrigger(jobs, record(parsed.value, 'the body'), nowMs)], truncated: 0 };
      } catch (e) {
        if (e instanceof Malformed) return { kind: 'malformed', why: e.message };
        throw e;
      }
    },
  };
}

function readTrigger(jobs: readonly TriggerJob[], body: Readonly<Record<string, unknown>>, nowMs: number): InboundAlert {
  const name = shortText(body['job'], 'job');
  const job = jobs.find((each) => each.name === name);
  if (job === undefined) throw new Malformed('there is no such job');
  const sent = body['parameters'] === undefined ? {} : readLabels(body['parameters'], 'parameters');
  const parameters: Record<string, string> = Object.create(null);
  for (const [key, preset] of Object.entries(job.parameters)) parameters[key] = Object.hasOwn(sent, key) ? (sent[key] ?? preset) : preset;
  return {
    status: 'firing',
    episode: `${fingerprintOf({ ...parameters, alertname: name })}/${nowMs}`,
    name,
    labels: Object.assign(parameters, { [ONCE_UNTIL]: String(nowMs + job.validForMs) }),
    annotations: {},
    startsAtMs: nowMs,
    endsAtMs: null,
  };
}
