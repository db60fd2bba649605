/** What Jenkins answers, in its own shapes. */
import type { TriggerJob } from '../../ports/ports.ts';
import type { JobBuild } from './job-build.ts';

const PROJECT = 'hudson.model.FreeStyleProject';
const BUILD = 'hudson.model.FreeStyleBuild';

/** `team/scale-up` → `job/team/job/scale-up/` */
export function jobPath(job: string): string {
  return job
    .split('/')
    .map((segment) => `job/${encodeURIComponent(segment)}/`)
    .join('');
}

function buildRef(root: string, build: JobBuild) {
  return { _class: BUILD, number: build.number, url: `${root}${jobPath(build.job)}${build.number}/` };
}

function actionsOf(build: JobBuild) {
  const parameters = Object.entries(build.parameters).map(([name, value]) => ({ _class: 'hudson.model.StringParameterValue', name, value }));
  return [
    { _class: 'hudson.model.CauseAction', causes: [{ _class: 'hudson.model.Cause$RemoteCause', shortDescription: `Started by ${build.receiver}` }] },
    ...(parameters.length === 0 ? [] : [{ _class: 'hudson.model.ParametersAction', parameters }]),
  ];
}

/** `root`: address of this server, with a slash at the end. */
export function queueItemJson(root: string, build: JobBuild, nowMs: number): object {
  const waiting = nowMs < build.leftMs;
  const wait = ((build.leftMs - nowMs) / 1000).toFixed(1).replace(/\.0$/, '');
  return {
    _class: waiting ? 'hudson.model.Queue$WaitingItem' : 'hudson.model.Queue$LeftItem',
    actions: actionsOf(build),
    blocked: false,
    buildable: false,
    id: build.queue,
    inQueueSince: build.receivedMs,
    params: Object.entries(build.parameters)
      .map(([name, value]) => `\n${name}=${value}`)
      .join(''),
    stuck: false,
    task: { _class: PROJECT, name: shortName(build.job), url: `${root}${jobPath(build.job)}`, color: colorOf(build) },
    url: `queue/item/${build.queue}/`,
    why: waiting ? `In the quiet period. Expires in ${wait} sec` : null,
    ...(waiting ? { timestamp: build.leftMs } : { cancelled: false, executable: buildRef(root, build) }),
  };
}

export function buildJson(root: string, build: JobBuild): object {
  const building = build.result === null;
  return {
    _class: BUILD,
    actions: actionsOf(build),
    artifacts: [],
    building,
    description: build.description,
    displayName: `#${build.number}`,
    duration: build.endedMs === null ? 0 : Math.max(0, build.endedMs - build.receivedMs),
    estimatedDuration: -1,
    executor: null,
    fullDisplayName: `${build.job.split('/').join(' » ')} #${build.number}`,
    id: String(build.number),
    inProgress: building,
    keepLog: false,
    number: build.number,
    queueId: build.queue,
    result: build.result,
    timestamp: build.receivedMs,
    url: `${root}${jobPath(build.job)}${build.number}/`,
    builtOn: '',
    changeSet: { _class: 'hudson.scm.EmptyChangeLogSet', items: [], kind: null },
  };
}

/** Builds that stand in the answer about a job. */
const MOST_BUILDS = 100;

/** `builds`: newest first. */
export function jobJson(root: string, job: TriggerJob, builds: readonly JobBuild[], nowMs: number): object {
  const left = builds.filter((build) => build.leftMs <= nowMs);
  const queued = builds.find((build) => build.leftMs > nowMs);
  const last = (...results: readonly (string | null)[]) => {
    const found = left.find((build) => results.includes(build.result));
    return found === undefined ? null : buildRef(root, found);
  };
  return {
    _class: PROJECT,
    name: shortName(job.name),
    fullName: job.name,
    displayName: shortName(job.name),
    url: `${root}${jobPath(job.name)}`,
    buildable: true,
    color: left[0] === undefined ? 'notbuilt' : colorOf(left[0]),
    inQueue: queued !== undefined,
    queueItem: queued === undefined ? null : queueItemJson(root, queued, nowMs),
    nextBuildNumber: (builds[0]?.number ?? 0) + 1,
    builds: left.slice(0, MOST_BUILDS).map((build) => buildRef(root, build)),
    lastBuild: left[0] === undefined ? null : buildRef(root, left[0]),
    lastCompletedBuild: last('SUCCESS', 'UNSTABLE', 'NOT_BUILT'),
    lastSuccessfulBuild: last('SUCCESS', 'UNSTABLE'),
    lastUnsuccessfulBuild: last('UNSTABLE', 'NOT_BUILT'),
    property: [
      {
        _class: 'hudson.model.ParametersDefinitionProperty',
        parameterDefinitions: Object.entries(job.parameters).map(([name, value]) => ({
          _class: 'hudson.model.StringParameterDefinition',
          defaultParameterValue: { _class: 'hudson.model.StringParameterValue', name, value },
          description: null,
          name,
          type: 'StringParameterDefinition',
        })),
      },
    ].filter((each) => each.parameterDefinitions.length > 0),
  };
}

function shortName(job: string): string {
  return job.slice(job.lastIndexOf('/') + 1);
}

function colorOf(build: JobBuild): string {
  if (build.result === null) return 'blue_anime';
  return build.result === 'SUCCESS' ? 'blue' : build.result === 'UNSTABLE' ? 'yellow' : 'notbuilt';
}

const TEXTS: Readonly<Record<number, string>> = { 400: 'Bad Request', 401: 'Unauthorized', 403: 'Forbidden', 404: 'Not Found', 503: 'Service Unavailable' };

/** The page of an error, as its servlet container makes it. */
export function errorPage(status: number, message: string): string {
  const title = `Error ${status} ${asHtml(message)}`;
  return `<html>\n<head>\n<meta http-equiv="Content-Type" content="text/html;charset=utf-8"/>\n<title>${title}</title>\n</head>\n<body><h2>HTTP ERROR ${status} ${asHtml(message)}</h2>\n<table>\n<tr><th>STATUS:</th><td>${status}</td></tr>\n<tr><th>MESSAGE:</th><td>${asHtml(message)}</td></tr>\n</table>\n</body>\n</html>\n`;
}

export function statusText(status: number): string {
  return TEXTS[status] ?? 'Error';
}

function asHtml(text: string): string {
  return text.replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);
}
