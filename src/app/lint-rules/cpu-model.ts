/** What an expression over node_cpu_seconds_total gives on hosts whose load is known: computed, so that a wrong formula shows as a number. */
import { type Aggregation, type Binary, everyTree, type Matcher, type PromTree, type Selector } from '../../drivers/sources/prometheus/promql-tree.ts';

/** One host: all cores equally busy. */
export interface Host {
  readonly cores: number;
  /** 0 idle, 1 all cores busy. */
  readonly busy: number;
}

/** As node_exporter has them. */
const MODES = ['idle', 'iowait', 'irq', 'nice', 'softirq', 'steal', 'system', 'user'] as const;
const CPU_METRIC = /^node_cpu(_seconds_total)?$/;
const HOST = 'host';

interface Series {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}
type Value = readonly Series[] | number;

/** Trees of recording rules by the name they record. */
export type Records = ReadonlyMap<string, PromTree>;

export function speaksOfCpu(tree: PromTree): boolean {
  return [...everyTree(tree)].some((t) => t.kind === 'selector' && CPU_METRIC.test(t.metric));
}

export function cpuSelectors(tree: PromTree): readonly Selector[] {
  return [...everyTree(tree)].filter((t): t is Selector => t.kind === 'selector' && CPU_METRIC.test(t.metric));
}

/** The largest value the expression has on that host; null: it cannot be told. */
export function valueOn(tree: PromTree, host: Host, records: Records): number | null {
  try {
    const value = evaluate(tree, { host, records, steps: 0 });
    const numbers = typeof value === 'number' ? [value] : value.map((s) => s.value);
    if (numbers.length === 0 || numbers.some((n) => !Number.isFinite(n))) return null;
    return Math.max(...numbers);
  } catch (e) {
    if (e instanceof NotKnown) return null;
    throw e;
  }
}

class NotKnown extends Error {}

interface Run {
  readonly host: Host;
  readonly records: Records;
  steps: number;
}
/** Rules that build on each other can ask for more work than there is time, or for themselves. */
const MOST_STEPS = 300;

function evaluate(tree: PromTree, run: Run): Value {
  if (++run.steps > MOST_STEPS) throw new NotKnown();
  const { host, records } = run;
  const inner = (t: PromTree): Value => evaluate(t, run);
  switch (tree.kind) {
    case 'number':
      return tree.value;
    case 'negation':
      return map(inner(tree.of), (v) => -v);
    case 'selector': {
      const record = records.get(tree.metric);
      if (record !== undefined && tree.window === null) return inner(record);
      return seriesOf(tree, host);
    }
    case 'call':
      return called(tree.name, tree.of, inner);
    case 'aggregation':
      return aggregated(tree, inner);
    case 'binary':
      return combined(tree, inner(tree.left), inner(tree.right));
    default:
      throw new NotKnown();
  }
}

/** Seconds a second for a window, which rate and irate pass on; a bare counter has a value nobody knows, but can be counted. */
function seriesOf(selector: Selector, host: Host): readonly Series[] {
  if (!CPU_METRIC.test(selector.metric)) throw new NotKnown();
  const found: Series[] = [];
  for (let cpu = 0; cpu < host.cores; cpu++) {
    for (const mode of MODES) {
      if (!selector.matchers.every((m) => m.label !== 'mode' || matches(m, mode))) continue;
      const share = mode === 'idle' ? 1 - host.busy : mode === 'user' ? host.busy : 0;
      found.push({ labels: { instance: HOST, job: HOST, cpu: String(cpu), mode }, value: selector.window === null ? Number.NaN : share });
    }
  }
  return found;
}

function matches({ op, value }: Matcher, text: string): boolean {
  if (op === '=' || op === '!=') return (op === '=') === (value === text);
  // A foreign pattern is not run: only alternatives of plain words are understood.
  if (!/^[a-z|]*(\.\*)?$/.test(value)) throw new NotKnown();
  const words = value.split('|');
  const found = words.some((w) => (w.endsWith('.*') ? text.startsWith(w.slice(0, -2)) : w === text));
  return (op === '=~') === found;
}

function called(name: string, of: readonly PromTree[], inner: (t: PromTree) => Value): Value {
  const [first] = of;
  if (first === undefined) throw new NotKnown();
  switch (name) {
    case 'rate':
    case 'irate':
      if (first.kind !== 'selector' || first.window === null) throw new NotKnown();
      return inner(first);
    case 'scalar': {
      const value = inner(first);
      if (typeof value === 'number' || value.length !== 1) throw new NotKnown();
      return value[0]?.value ?? Number.NaN;
    }
    case 'vector': {
      const value = inner(first);
      if (typeof value !== 'number') throw new NotKnown();
      return [{ labels: {}, value }];
    }
    case 'avg_over_time':
    case 'max_over_time':
    case 'min_over_time': {
      // The load is steady: over any time it is what it is now.
      if (first.kind !== 'subquery') throw new NotKnown();
      return inner(first.of);
    }
    default:
      throw new NotKnown();
  }
}

function aggregated({ op, grouping, of }: Aggregation, inner: (t: PromTree) => Value): Value {
  const [only, ...more] = of;
  if (only === undefined || more.length > 0) throw new NotKnown();
  const value = inner(only);
  if (typeof value === 'number') throw new NotKnown();
  const groups = new Map<string, { labels: Record<string, string>; values: number[] }>();
  for (const series of value) {
    const kept = Object.entries(series.labels).filter(([label]) => (grouping === null ? false : grouping.labels.includes(label) === grouping.by));
    const key = JSON.stringify(kept);
    const group = groups.get(key) ?? { labels: Object.fromEntries(kept), values: [] };
    group.values.push(series.value);
    groups.set(key, group);
  }
  return [...groups.values()].map(({ labels, values }) => ({ labels, value: one(op, values) }));
}

function one(op: string, values: readonly number[]): number {
  const sum = values.reduce((a, b) => a + b, 0);
  switch (op) {
    case 'sum':
      return sum;
    case 'avg':
      return sum / values.length;
    case 'count':
      return values.length;
    case 'min':
      return Math.min(...values);
    case 'max':
      return Math.max(...values);
    default:
      throw new NotKnown();
  }
}

function combined({ op, matching, group }: Binary, left: Value, right: Value): Value {
  const apply = arithmetic(op);
  if (typeof left === 'number' && typeof right === 'number') return apply(left, right);
  if (typeof left === 'number') return map(right, (v) => apply(left, v));
  if (typeof right === 'number') return map(left, (v) => apply(v, right));
  const keyOf = (s: Series): string =>
    JSON.stringify(
      Object.entries(s.labels)
        .filter(([label]) => matching === null || matching.labels.includes(label) === matching.on)
        .sort(([a], [b]) => (a < b ? -1 : 1)),
    );
  const [many, few] = group === 'right' ? [right, left] : [left, right];
  const index = new Map(few.map((s) => [keyOf(s), s]));
  // Prometheus refuses several partners: the expression has no value then.
  if (index.size !== few.length || (group === null && new Set(many.map(keyOf)).size !== many.length)) throw new NotKnown();
  return many.flatMap((s) => {
    const partner = index.get(keyOf(s));
    if (partner === undefined) return [];
    return [{ labels: s.labels, value: group === 'right' ? apply(partner.value, s.value) : apply(s.value, partner.value) }];
  });
}

function arithmetic(op: string): (a: number, b: number) => number {
  switch (op) {
    case '+':
      return (a, b) => a + b;
    case '-':
      return (a, b) => a - b;
    case '*':
      return (a, b) => a * b;
    case '/':
      return (a, b) => a / b;
    default:
      throw new NotKnown();
  }
}

function map(value: Value, change: (v: number) => number): Value {
  return typeof value === 'number' ? change(value) : value.map((s) => ({ ...s, value: change(s.value) }));
}
