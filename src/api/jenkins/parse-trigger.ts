import type { AlertFormat, InboundAlert, TriggerJob } from '../../ports/ports.ts';
import { ApiProblem } from '../problem.ts';
import type { Parameters } from './jenkins-parameters.ts';

/** The alert that a trigger becomes; the format of the receiver says how. Throws ApiProblem 404 or 400. */
export function parseTrigger(
  format: AlertFormat | undefined,
  jobs: readonly TriggerJob[],
  name: string,
  sent: Parameters,
  nowMs: number,
): { readonly job: TriggerJob; readonly alert: InboundAlert } {
  const job = jobs.find((each) => each.name === name);
  if (job === undefined || format === undefined) throw new ApiProblem(404, 'no-such-job', 'Not Found');
  // What the job does not name is left out here, so that it cannot make the request too large.
  const parameters = Object.fromEntries(Object.entries(sent).filter(([key]) => Object.hasOwn(job.parameters, key)));
  const parsed = format.parse(JSON.stringify({ job: name, parameters }), nowMs);
  if (parsed.kind !== 'alerts') throw new ApiProblem(400, 'malformed', parsed.why);
  const [alert] = parsed.alerts;
  if (alert === undefined) throw new ApiProblem(400, 'malformed', 'The trigger means nothing.');
  return { job, alert };
}
