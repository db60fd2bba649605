import { ONCE_UNTIL } from '../../core/policies/alert.ts';
import type { AlertRow, InboundAlert } from '../../ports/ports.ts';

/** One trigger of a job: an item of the queue first, then a build. Kept as an alert: its parameters are labels, the rest is annotations. */
export interface JobBuild {
  readonly receiver: string;
  readonly job: string;
  /** Number of the queue item, of all jobs together. */
  readonly queue: number;
  /** Number of the build, of this job. */
  readonly number: number;
  readonly parameters: Readonly<Record<string, string>>;
  readonly episode: string;
  readonly receivedMs: number;
  /** When it leaves the queue. */
  readonly leftMs: number;
  /** When it is over, whatever was done. */
  readonly untilMs: number;
  /** Digest of the sender's key for this request; null: it sent none. */
  readonly key: string | null;
  /** Null: the groups that it concerns have not all acted, and there is time left. */
  readonly result: BuildResult | null;
  readonly description: string | null;
  readonly endedMs: number | null;
}
export type BuildResult = 'SUCCESS' | 'UNSTABLE' | 'NOT_BUILT';

const RESULTS: readonly string[] = ['SUCCESS', 'UNSTABLE', 'NOT_BUILT'] satisfies readonly BuildResult[];
/** As many as a signed number of 32 bits holds, as in Jenkins. */
const MOST = 2 ** 31 - 1;

/** The alert that stands for it. With a result it is told as over. */
export function alertOfBuild(build: JobBuild, over: boolean): InboundAlert {
  const annotations: Record<string, string> = { queue: String(build.queue), build: String(build.number), left_ms: String(build.leftMs) };
  if (build.key !== null) annotations['key'] = build.key;
  if (build.result !== null) annotations['result'] = build.result;
  if (build.description !== null) annotations['description'] = build.description;
  if (build.endedMs !== null) annotations['ended_ms'] = String(build.endedMs);
  return {
    status: over ? 'resolved' : 'firing',
    episode: build.episode,
    name: build.job,
    labels: { ...build.parameters, [ONCE_UNTIL]: String(build.untilMs) },
    annotations,
    startsAtMs: build.receivedMs,
    endsAtMs: over ? build.endedMs : null,
  };
}

/** The build that a stored alert stands for; null: it stands for none. */
export function buildOfAlert(row: AlertRow): JobBuild | null {
  const { queue, build, left_ms: left, key, result, description, ended_ms: ended } = row.annotations ?? {};
  const { [ONCE_UNTIL]: until, ...parameters } = row.labels;
  const [queueNumber, buildNumber, leftMs, untilMs] = [queue, build, left, until].map((text) => whole(text));
  if (queueNumber == null || buildNumber == null || leftMs == null || untilMs == null) return null;
  if (queueNumber > MOST || buildNumber > MOST || queueNumber < 1 || buildNumber < 1) return null;
  const known = result !== undefined && RESULTS.includes(result) ? (result as BuildResult) : null;
  const over = row.status === 'resolved';
  return {
    receiver: row.receiver,
    job: row.name,
    queue: queueNumber,
    number: buildNumber,
    parameters,
    episode: row.episode,
    receivedMs: row.startsAtMs,
    leftMs,
    untilMs,
    key: key ?? null,
    result: known ?? (over ? 'NOT_BUILT' : null),
    description: description ?? null,
    endedMs: whole(ended) ?? (over ? row.resolvedAtMs : null),
  };
}

function whole(text: string | undefined): number | null {
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : null;
}
