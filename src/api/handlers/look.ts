import { type ExplainOptions, explainLines, whyNot } from '../../core/explain.ts';
import type { DecisionRow } from '../../ports/ports.ts';
import { StoreError } from '../../ports/ports.ts';
import { ApiProblem } from '../problem.ts';
import {
  alertView,
  decisionRowView,
  decisionView,
  eventView,
  instanceView,
  isoTime,
  machineView,
  readingView,
  specView,
  statusView,
  victimView,
} from '../view.ts';
import type { HandlerDeps, Handlers } from './handlers.ts';

type Looking =
  | 'fleet'
  | 'groups'
  | 'group'
  | 'spec'
  | 'decisions'
  | 'decision'
  | 'replay'
  | 'whyDecision'
  | 'why'
  | 'events'
  | 'alerts'
  | 'evaluate'
  | 'victims'
  | 'metric'
  | 'version'
  | 'instances'
  | 'instance'
  | 'unmanaged';

/** A cursor the store does not know is the caller's mistake. */
async function paged<T>(read: Promise<readonly T[]>): Promise<readonly T[]> {
  try {
    return await read;
  } catch (error) {
    if (!(error instanceof StoreError) || error.code !== 'conflict') throw error;
    const message = 'is not a cursor of this list; take `next` of the page before';
    throw new ApiProblem(422, 'invalid', `before ${message}.`, {}, { errors: [{ field: 'before', message }] });
  }
}

/** The cursor of the next page: the last row of a full page. */
function nextOf<T>(rows: readonly T[], limit: number, cursor: (row: T) => string): string | null {
  const last = rows.at(-1);
  return last === undefined || rows.length < limit ? null : cursor(last);
}

/** Times in the caller's zone; the core itself knows UTC only. */
function timesIn(zone: string | undefined): ExplainOptions {
  if (zone === undefined) return {};
  try {
    const format = new Intl.DateTimeFormat('en-GB', { timeZone: zone, hour: '2-digit', minute: '2-digit', second: '2-digit' });
    return { time: (atMs) => format.format(atMs) };
  } catch {
    const message = 'is not a time zone; use a name such as Europe/Berlin';
    throw new ApiProblem(422, 'invalid', `zone ${message}.`, {}, { errors: [{ field: 'zone', message }] });
  }
}

function whyView(row: DecisionRow, options: ExplainOptions) {
  const decision = row.last;
  return {
    schema: 'drover.why/v1' as const,
    decision: decisionRowView(row),
    sentence: decision.sentence,
    lines: [...explainLines(decision, options)],
    why_not: [...whyNot(decision, options)],
  };
}

export function lookHandlers({ operations, clock, version, installId }: HandlerDeps): Handlers<Looking> {
  return {
    fleet: async () => {
      const fleet = await operations.fleet();
      return {
        schema: 'drover.fleet/v1',
        at: isoTime(clock.wall()),
        groups: fleet.map(statusView),
        problems: fleet.filter((s) => s.problem !== null).length,
      };
    },
    groups: async () => ({
      schema: 'drover.groups/v1',
      groups: (await operations.fleet()).map((s) => ({
        group: s.group,
        cloud: s.cloud,
        mode: s.mode,
        managed: s.managed,
        state: s.state,
        target: s.target,
        serving: s.serving,
      })),
    }),
    group: async ({ group }) => ({ schema: 'drover.group/v1', ...statusView(await operations.group(group)) }),
    spec: async ({ group }) => specView(await operations.spec(group)),
    decisions: async ({ group, before, limit }) => {
      if (group !== undefined) await operations.group(group);
      const rows = await paged(operations.decisions(group ?? null, { before: before ?? null, limit }));
      return { schema: 'drover.decisions/v1', decisions: rows.map(decisionRowView), next: nextOf(rows, limit, (r) => r.decision.id) };
    },
    decision: async ({ decision }) => decisionRowView((await operations.decision(decision)).row),
    replay: async ({ decision }) => {
      const result = await operations.replay(decision);
      return { schema: 'drover.replay/v1', id: decision, same: result.same, stored: decisionView(result.stored), again: decisionView(result.again) };
    },
    whyDecision: async ({ decision, zone }) => {
      const options = timesIn(zone);
      return whyView((await operations.decision(decision)).row, options);
    },
    why: async ({ group, zone }) => {
      const options = timesIn(zone);
      await operations.group(group);
      const [row] = await operations.decisions(group, { before: null, limit: 1 });
      if (row === undefined) throw new ApiProblem(404, 'no-such-decision', `The group ${group} has not been evaluated yet.`);
      return whyView(row, options);
    },
    events: async ({ group, type, after_seq, before, limit }) => {
      const filter = {
        ...(group === undefined ? {} : { group }),
        ...(type === undefined ? {} : { type }),
        ...(after_seq === undefined ? {} : { afterSeq: after_seq }),
      };
      const rows = await paged(operations.events(filter, { before: before ?? null, limit }));
      return { schema: 'drover.events/v1', events: rows.map(eventView), next: nextOf(rows, limit, (r) => String(r.seq)) };
    },
    alerts: async ({ resolved }) => ({ schema: 'drover.alerts/v1', alerts: (await operations.alerts(resolved === 'true')).map(alertView) }),
    evaluate: async ({ group, set }) => decisionView(await operations.evaluate(group, set)),
    victims: async ({ group, count }) => ({ schema: 'drover.victims/v1', group, victims: (await operations.victims(group, count)).map(victimView) }),
    metric: async ({ group, metric }) => ({
      schema: 'drover.metric/v1',
      group,
      metric,
      reading: readingView(await operations.readMetric(group, metric)),
    }),
    version: async () => ({ schema: 'drover.version/v1', version, api: 'v1', install: installId }),
    instances: async ({ group, gone }) => {
      if (group !== undefined) await operations.group(group);
      return { schema: 'drover.instances/v1', instances: (await operations.instances(group ?? null, gone === 'true')).map(instanceView) };
    },
    instance: async ({ instance }) => ({ schema: 'drover.instance/v1', ...instanceView(await operations.instance(instance)) }),
    unmanaged: async ({ group }) => ({ schema: 'drover.machines/v1', group, machines: (await operations.unmanaged(group)).map(machineView) }),
  };
}
