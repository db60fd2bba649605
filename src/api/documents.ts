/**
 * The JSON documents of the API, as schemas. The server checks and prunes replies with them, OpenAPI and the client's types come from them.
 * Fields are only ever added: clients must ignore what they do not know. Imports nothing but the schema library.
 */
import { z } from 'zod';

const time = z.string().meta({ format: 'date-time', description: 'ISO 8601, UTC, with milliseconds.' });
const size = z.int().meta({ description: 'A number of instances.' });
const json = z.json();

/** A document with its name and version as the first field. */
function named<const Name extends string, Shape extends z.core.$ZodLooseShape>(name: Name, id: string, shape: Shape) {
  return z.object({ schema: z.literal(`drover.${name}/v1`), ...shape }).meta({ id });
}

export const proposalJson = z
  .object({
    policy: z.string(),
    type: z.string(),
    metric: z.string().nullable(),
    value: z.number().nullable().describe('The value of the metric as used.'),
    per: z.number().nullable().describe('What one instance carries, or the target ratio.'),
    exact: z.number().nullable().describe('The size before rounding.'),
    wants: size.nullable().describe('Null when the policy abstains or its data is missing.'),
    abstains: z.boolean(),
    blocks_shrink: z.boolean(),
    reason: z.string(),
    arithmetic: z.string().describe('In one line, e.g. `1064 req/s / 200 = 5.3 → 6`.'),
    age_s: z.number().nullable().describe('Age of the metric in seconds; null where it is not known.'),
    winner: z.boolean(),
    error: z.string().nullable(),
    advisory: z.boolean().describe('Recorded and shown, moves nothing.'),
  })
  .meta({ id: 'Proposal' });

export const actionJson = z
  .object({
    kind: z.enum(['launch', 'remove']),
    cause: z.string(),
    instance: z.string().nullable().describe('The instance to remove; null for a launch.'),
    replaces: z.string().nullable().describe('The instance a launch replaces.'),
    zone: z.string().nullable(),
    why: z.string().nullable(),
  })
  .meta({ id: 'Action' });

export const decisionJson = named('decision', 'Decision', {
  id: z.string(),
  group: z.string(),
  at: time,
  outcome: z.enum(['scale_out', 'scale_in', 'replace', 'hold', 'blocked']),
  reason: z.string().describe('One of the closed list of reason codes; `drover explain CODE` tells its meaning.'),
  from: size.describe('The target before this evaluation.'),
  wanted: size.describe('What the policies want, before limits.'),
  target: size.describe('After limits, holds and brakes.'),
  running: size.describe('Machines that exist and are not leaving.'),
  serving: size.describe('Machines healthy in the balancer.'),
  sentence: z.string().describe('The decision in one sentence, the same everywhere.'),
  proposals: z.array(proposalJson),
  limits: z.array(
    z.object({
      code: z.string(),
      from: size,
      to: size,
      detail: z.string(),
      key: z.string(),
      at: z.string().nullable().describe('Where the key was written, `file:line:column`; null for a default.'),
    }),
  ),
  holds: z.array(
    z.object({ code: z.string(), until: time.nullable(), from: size, to: size, detail: z.string(), key: z.string().nullable(), at: z.string().nullable() }),
  ),
  blocked: z.array(z.object({ code: z.string(), detail: z.string(), next_try: time.nullable() })),
  actions: z.array(actionJson),
  blind: z.boolean().describe('Every metric of the group was missing.'),
  actor: z.string(),
  config: z.string().describe('Hash of the configuration it was made with.'),
  count: z.int().min(1).describe('Equal holds in a row are one entry; this many evaluations.'),
  last_at: time.describe('When the last of them was made.'),
});

export const decisionsJson = named('decisions', 'Decisions', {
  decisions: z.array(decisionJson).describe('Newest first.'),
  next: z.string().nullable().describe('Pass as `before` for the next page; null at the end.'),
});

export const replayJson = named('replay', 'Replay', { id: z.string(), same: z.boolean(), stored: decisionJson, again: decisionJson });

export const whyJson = named('why', 'Why', {
  decision: decisionJson,
  sentence: z.string(),
  lines: z.array(z.string()).describe('The arithmetic, line by line.'),
  why_not: z.array(z.string()).describe('Why nothing (more) was changed, line by line.'),
});

export const pauseJson = z
  .object({ until: time.nullable().describe('Null: until resumed.'), by: z.string(), reason: z.string().nullable() })
  .meta({ id: 'Pause' });

export const manualJson = z
  .object({ kind: z.enum(['floor', 'cap', 'exact']), size, until: time.nullable(), by: z.string(), reason: z.string().nullable() })
  .meta({ id: 'Manual' });

export const readingJson = z
  .object({
    kind: z.enum(['value', 'missing']),
    value: z.number().nullable().describe('Null when the reading is missing: missing is never zero.'),
    at: time,
    age_s: z.number().nullable(),
    coverage: z.number().nullable(),
    partial: z.boolean(),
    missing: z.string().nullable().describe('Why there is no value.'),
    detail: z.string().nullable(),
  })
  .meta({ id: 'Reading' });

const statusShape = {
  group: z.string(),
  cloud: z.string(),
  mode: z.enum(['act', 'observe']),
  managed: z.boolean(),
  state: z.enum(['holding', 'out', 'in', 'blocked', 'paused', 'observing', 'blind', 'frozen', 'unmanaged', 'starting']),
  wanted: size,
  target: size,
  running: size,
  serving: size,
  min: size,
  max: size,
  demand: z.number().nullable().describe('The largest proposal before rounding.'),
  sentence: z.string(),
  pause: pauseJson.nullable(),
  manual: z.array(manualJson),
  decision: z.string().nullable().describe('Id of the newest decision.'),
  last_evaluated: time.nullable(),
  next_due: time.nullable(),
  states: z.record(z.string(), z.int()).describe('Instances by state.'),
  readings: z.record(z.string(), readingJson),
  problem: z.string().nullable().describe('Something needs a person.'),
};
export const statusJson = z.object(statusShape).meta({ id: 'Status' });
export const groupJson = named('group', 'Group', statusShape);
export const fleetJson = named('fleet', 'Fleet', { at: time, groups: z.array(statusJson), problems: z.int().describe('Groups that need a person.') });
export const groupsJson = named('groups', 'Groups', {
  groups: z.array(
    z.object({ group: z.string(), cloud: z.string(), mode: z.enum(['act', 'observe']), managed: z.boolean(), state: z.string(), target: size, serving: size }),
  ),
});
export const specJson = named('spec', 'Spec', {
  group: z.string(),
  hash: z.string(),
  spec: z.record(z.string(), json).describe('Every key, defaults filled in. Values of keys that hold secrets are `***`.'),
  written: z.record(z.string(), z.string()).describe('Where keys were written, `file:line:column`. Keys that are not here are defaults.'),
});

const instanceShape = {
  id: z.string(),
  group: z.string(),
  n: z.int(),
  template: z.string(),
  state: z.enum(['intent', 'booting', 'warming', 'serving', 'draining', 'terminating', 'gone']),
  since: time,
  created: time,
  serving_since: time.nullable(),
  machine: z.string().nullable().describe('The id the cloud gave.'),
  address: z.string().nullable(),
  port: z.int().nullable(),
  zone: z.string().nullable(),
  price_per_hour: z.number().nullable(),
  paid_until: time.nullable(),
  health: z.enum(['unknown', 'healthy', 'unhealthy']),
  health_since: time,
  protected: z.boolean(),
  standby: z.boolean(),
  detached: z.boolean(),
  replace_requested: z.boolean(),
  remove_requested: z.boolean(),
  removal_cause: z.string().nullable(),
  removal_why: z.string().nullable(),
  replaces: z.string().nullable(),
  members: z.record(z.string(), z.string()).describe('Its entry in each balancer.'),
  step: z
    .object({ kind: z.string(), started: time, attempts: z.int(), next_try: time, error: z.string().nullable() })
    .nullable()
    .describe('The step under way.'),
  launched_by: z.string().nullable().describe('Id of the decision that asked for it.'),
  removed_by: z.string().nullable(),
};
export const instanceItemJson = z.object(instanceShape).meta({ id: 'InstanceItem' });
export const instanceJson = named('instance', 'Instance', instanceShape);
export const instancesJson = named('instances', 'Instances', { instances: z.array(instanceItemJson) });

export const machineJson = z
  .object({
    id: z.string(),
    name: z.string(),
    state: z.enum(['pending', 'running', 'stopped', 'deleting', 'gone']),
    address: z.string().nullable(),
    port: z.int().nullable(),
    zone: z.string().nullable(),
    created: time.nullable(),
    tagged: z.boolean().describe('It carries our owner tag and is not in the books.'),
    tagged_group: z.string().nullable(),
  })
  .meta({ id: 'Machine' });
export const machinesJson = named('machines', 'Machines', { group: z.string(), machines: z.array(machineJson) });

const eventShape = {
  seq: z.int().describe('Gap-free; `after_seq` and Last-Event-ID take it.'),
  at: time,
  group: z.string().nullable(),
  type: z.string(),
  actor: z.string(),
  data: z.record(z.string(), json),
  hash: z.string().describe('SHA-256 over the previous hash and this event.'),
};
export const eventJson = named('event', 'Event', eventShape);
export const eventsJson = named('events', 'Events', { events: z.array(eventJson).describe('Newest first.'), next: z.string().nullable() });

export const alertsJson = named('alerts', 'Alerts', {
  alerts: z.array(
    z.object({
      receiver: z.string(),
      episode: z.string(),
      status: z.enum(['firing', 'resolved']),
      name: z.string(),
      labels: z.record(z.string(), z.string()),
      starts: time,
      last_heard: time,
      resolved: time.nullable(),
    }),
  ),
});

export const victimsJson = named('victims', 'Victims', {
  group: z.string(),
  victims: z.array(z.object({ instance: z.string(), rank: z.int(), why: z.string() })).describe('Who would go first, first.'),
});
export const metricJson = named('metric', 'Metric', { group: z.string(), metric: z.string(), reading: readingJson });
export const pausedJson = named('paused', 'Paused', { group: z.string().nullable().describe('Null: every group.'), pause: pauseJson });
export const manualsJson = named('manual', 'Manuals', { group: z.string(), manual: z.array(manualJson) });
export const doneJson = named('done', 'Done', { done: z.literal(true) });

const tokenShape = {
  id: z.string(),
  name: z.string(),
  role: z.enum(['admin', 'operator', 'viewer', 'receiver']),
  created: time,
  revoked: time.nullable(),
};
export const tokensJson = named('tokens', 'Tokens', { tokens: z.array(z.object(tokenShape)) });
export const newTokenJson = named('token', 'NewToken', { ...tokenShape, token: z.string().describe('Shown this once; only its hash is kept.') });

export const backupJson = named('backup', 'Backup', { file: z.string().describe('Where the copy is, on the machine of the controller.') });
export const auditJson = named('audit', 'Audit', {
  ok: z.boolean(),
  checked: z.int(),
  first_bad: z.int().nullable().describe('Sequence number of the first event whose hash does not fit.'),
});
export const versionJson = named('version', 'Version', { version: z.string(), api: z.literal('v1'), install: z.string() });

export const configProblemJson = z
  .object({
    code: z.string(),
    severity: z.enum(['error', 'warning']),
    message: z.string(),
    file: z.string(),
    line: z.int(),
    column: z.int(),
    end_column: z.int(),
    label: z.string(),
    help: z.string(),
    suggestion: z.string().nullable(),
  })
  .meta({ id: 'ConfigProblem' });
export const configChangeJson = z
  .object({
    kind: z.enum(['add', 'change', 'remove']),
    group: z.string().nullable(),
    key: z.string(),
    before: json,
    after: json,
    text: z.string().describe('The change in one line.'),
  })
  .meta({ id: 'ConfigChange' });
export const configCheckJson = named('config-check', 'ConfigCheck', { valid: z.boolean(), problems: z.array(configProblemJson) });
const planShape = {
  running: z.string().nullable().describe('Hash of the configuration that runs.'),
  next: z.string().nullable().describe('Hash of the configuration asked about; null when it is not valid.'),
  valid: z.boolean(),
  problems: z.array(configProblemJson),
  changes: z.array(configChangeJson),
  effects: z
    .array(z.object({ group: z.string(), launches: z.int(), removals: z.int(), text: z.string() }))
    .describe('What it would launch and delete now, by group.'),
  confirm: z.array(z.string()).describe('Groups whose instances it deletes: `apply` wants these names in `confirm`.'),
};
export const configPlanJson = named('config-plan', 'ConfigPlan', planShape);
export const configAppliedJson = named('config-applied', 'ConfigApplied', { ...planShape, applied: z.literal(true) });
export const configJson = named('config', 'Config', {
  hash: z.string().nullable(),
  file: z.string().nullable(),
  text: z.string().describe('The file as it runs now.'),
  loaded: time.nullable(),
  error: z.string().nullable().describe('Why a newer file on disk is not used.'),
});

export const healthJson = named('health', 'Health', { alive: z.literal(true) });
export const readyJson = named('ready', 'Ready', { ready: z.boolean(), not_ready: z.array(z.string()) });
export const receivedJson = named('received', 'Received', {
  duplicate: z.boolean().describe('The delivery was seen before: nothing was done.'),
  fired: z.int(),
  refreshed: z.int(),
  resolved: z.int(),
  ignored: z.int(),
  truncated: z.int().describe('Alerts the sender left out.'),
  groups: z.array(z.string()),
  note: z.string().nullable(),
});
export const sdJson = z.array(z.object({ targets: z.array(z.string()), labels: z.record(z.string(), z.string()) })).meta({ id: 'ServiceDiscovery' });

export const problemJson = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    code: z.string().describe('Stable, for programs.'),
    detail: z.string(),
    request_id: z.string(),
    errors: z.array(z.object({ field: z.string(), message: z.string() })).optional(),
    problems: z.array(configProblemJson).optional(),
    confirm: z.array(z.string()).optional(),
  })
  .meta({ id: 'Problem' });
export type Problem = z.output<typeof problemJson>;
export type DecisionJson = z.output<typeof decisionJson>;
export type StatusJson = z.output<typeof statusJson>;
export type InstanceJson = z.output<typeof instanceItemJson>;
export type EventJson = z.output<typeof eventJson>;
export type ReadingJson = z.output<typeof readingJson>;
