import { problem } from './diagnostic.ts';
import { type Expansion, isText, made, mapOf, textOf } from './expansion.ts';
import { METRIC_KEYS, targetSchema } from './schema/metrics.ts';
import { listWords, nearest } from './suggest.ts';
import { child, entryOf, type MapEntry, type MapNode, type YamlNode } from './tree.ts';
import { shapeOf } from './walk.ts';

const TARGET_KEYS = Object.keys(shapeOf(targetSchema));
const POLICY_KEYS = new Set(['per_instance', 'target', 'tolerance']);
/** Which of these is written says what the target is about. */
const SUBJECTS = ['cpu', 'metric', 'query'] as const;

/** `target: { … }` becomes a policy and, unless it names a metric, a metric. */
export function expandTarget(x: Expansion, name: string, group: MapNode): MapNode {
  const entry = entryOf(group, 'target');
  if (entry === undefined || entry.value.kind !== 'map') return group;
  const target = entry.value;
  const rest = mapOf(
    group.entries.filter((e) => e !== entry),
    group.span,
  );
  const subject = understand(x, target, entry);
  if (subject === null) {
    x.badTargets.add(name);
    return rest;
  }
  if (subject === 'cpu') return expandCpu(x, name, group, rest, target, entry);
  const policy = target.entries.filter((e) => POLICY_KEYS.has(e.key));
  if (subject === 'metric') {
    const metric = child(target, 'metric');
    const named = isText(metric) ? metric.value : 'metric';
    return withPolicy(rest, entry, `target-${named}`, [...target.entries.filter((e) => e.key === 'metric'), ...policy]);
  }
  const query = target.entries.filter((e) => !POLICY_KEYS.has(e.key) && e.key !== 'job');
  return withPolicy(withMetric(rest, entry, 'target', query), entry, 'target', [made('metric', textOf('target', entry.keySpan)), ...policy]);
}

/** What the target is about; null when that cannot be told, which has then been said. */
function understand(x: Expansion, target: MapNode, entry: MapEntry): 'cpu' | 'metric' | 'query' | null {
  const from = child(target, 'from');
  const query = x.catalog.queryKeys(sourceDriver(x, isText(from) ? from.value : 'default'));
  const known = [...TARGET_KEYS, ...(query ?? [])];
  let clean = true;
  for (const e of target.entries) {
    if (known.includes(e.key) || (query === null && entryOf(target, 'from') !== undefined)) continue;
    clean = false;
    const near = nearest(e.key, known);
    x.diagnostics.push(
      problem(x.frame, 'E0012', e.keySpan, {
        message: `unknown field \`${e.key}\` in \`target\``,
        label: near === null ? 'no such field' : `did you mean \`${near}\`?`,
        help: `fields of \`target\`: ${listWords(known, 20)}`,
        ...(near === null ? {} : { suggestion: near }),
      }),
    );
  }
  if (!clean) return null;
  // With a source of its own, `metric` and `query` are fields of that source's query.
  if (entryOf(target, 'from') !== undefined && entryOf(target, 'cpu') === undefined) return 'query';
  const subjects = SUBJECTS.filter((s) => entryOf(target, s) !== undefined);
  const [first, second] = subjects;
  if (first !== undefined && second !== undefined) {
    const a = entryOf(target, first);
    const b = entryOf(target, second);
    x.diagnostics.push(
      problem(x.frame, 'E0018', a?.keySpan ?? entry.keySpan, {
        message: `a target is about one thing: \`${first}\` or \`${second}\``,
        label: `\`${first}\` here`,
        help: 'keep one of the two; write two policies to follow both',
        ...(b === undefined ? {} : { second: { span: b.keySpan, label: `\`${second}\` here` } }),
      }),
    );
    return null;
  }
  if (first !== undefined) return first;
  x.diagnostics.push(
    problem(x.frame, 'E0011', entry.keySpan, {
      message: '`target` does not say what it is about',
      label: 'no `cpu`, `metric` or `query`',
      help: `write for example \`target: { query: 'sum(rate(http_requests_total[1m]))', per_instance: 200 }\``,
    }),
  );
  return null;
}

/** Which driver a source's name stands for, as far as the file says. */
export function sourceDriver(x: Expansion, name: string): string {
  const type = child(child(child(x.root, 'sources'), name), 'type');
  if (isText(type)) return type.value;
  if (name === 'default' && entryOf(x.root, 'prometheus') !== undefined) return 'prometheus';
  return name;
}

function expandCpu(x: Expansion, name: string, group: MapNode, rest: MapNode, target: MapNode, entry: MapEntry): MapNode {
  const job = child(target, 'job');
  const cpu = entryOf(target, 'cpu');
  const named = isText(job) ? job.value : name;
  if (!isText(job) || sourceDriver(x, 'default') !== 'prometheus') {
    x.badTargets.add(name);
    x.diagnostics.push(
      problem(x.frame, 'E0110', cpu?.keySpan ?? entry.keySpan, {
        message: `nothing tells the CPU of group \`${name}\``,
        label: `${cloudWords(group)} does not report it`,
        help: [
          'with a Prometheus and node_exporter on the machines, name the job:',
          ...(sourceDriver(x, 'default') === 'prometheus' ? [] : ['  prometheus: http://prometheus:9090']),
          `  target: { cpu: 60%, job: ${named} }`,
          'or write the query yourself:',
          `  target: { query: '${cpuQuery(named)}', unit: percent, target: 60 }`,
        ].join('\n'),
      }),
    );
    return rest;
  }
  const metric: MapEntry[] = [
    made('query', textOf(cpuQuery(job.value), job.span)),
    made('unit', textOf('percent', job.span)),
    ...target.entries.filter((e) => METRIC_KEYS.includes(e.key) && e.key !== 'unit'),
  ];
  const goal = cpu === undefined ? [] : [made('target', cpu.value, cpu.keySpan)];
  const policy = [made('metric', textOf('target-cpu', entry.keySpan)), ...goal, ...target.entries.filter((e) => e.key === 'tolerance')];
  return withPolicy(withMetric(rest, entry, 'target-cpu', metric), entry, 'target-cpu', policy);
}

/**
 * Mean CPU over the machines of a job, in percent, from node_exporter. Idle time is held against the time that was measured, not against the
 * window: `avg(rate(…))` takes the part of the window in which a machine did not exist for busy time, so every machine that comes or
 * goes would look like load.
 */
export function cpuQuery(job: string): string {
  const quoted = job.replace(/[\\"\n]/g, (c) => (c === '\n' ? '\\n' : `\\${c}`));
  const measured = (labels: string): string => `sum(rate(node_cpu_seconds_total{${labels}}[2m]))`;
  return `100 * (1 - ${measured(`mode="idle",job="${quoted}"`)} / ${measured(`job="${quoted}"`)})`;
}

function cloudWords(group: MapNode): string {
  const cloud = child(group, 'cloud');
  return isText(cloud) ? `the cloud \`${cloud.value}\`` : 'its cloud';
}

function withMetric(group: MapNode, origin: MapEntry, name: string, fields: readonly MapEntry[]): MapNode {
  return addTo(group, 'metrics', made(name, mapOf(fields, origin.value.span), origin.keySpan), origin);
}

function withPolicy(group: MapNode, origin: MapEntry, name: string, fields: readonly MapEntry[]): MapNode {
  const policy = mapOf([made('name', textOf(name, origin.keySpan)), made('type', textOf('target', origin.keySpan)), ...fields], origin.keySpan);
  const old = entryOf(group, 'policies');
  const items: readonly YamlNode[] = old?.value.kind === 'seq' ? old.value.items : [];
  if (old !== undefined && old.value.kind !== 'seq' && !(old.value.kind === 'scalar' && old.value.value === null)) return group;
  const list: MapEntry = {
    ...(old ?? made('policies', policy, origin.keySpan)),
    value: { kind: 'seq', items: [policy, ...items], span: old?.value.span ?? origin.keySpan },
  };
  return mapOf([...group.entries.filter((e) => e !== old), list], group.span);
}

function addTo(group: MapNode, section: string, more: MapEntry, origin: MapEntry): MapNode {
  const old = entryOf(group, section);
  if (old !== undefined && old.value.kind !== 'map') return group;
  const entries = old?.value.kind === 'map' ? old.value.entries : [];
  const value = mapOf([...entries, more], old?.value.span ?? origin.value.span);
  return mapOf([...group.entries.filter((e) => e !== old), { ...(old ?? made(section, value, origin.keySpan)), value }], group.span);
}
