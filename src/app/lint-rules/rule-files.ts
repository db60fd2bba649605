/** Rules of Prometheus as the checks look at them. */
import { child, type YamlNode } from '../../config/tree.ts';
import { everyTree, type PromTree, promTree } from '../../drivers/sources/prometheus/promql-tree.ts';
import { durationAt, entriesOf, type ForeignFile, itemsOf, textAt, textOf } from './foreign-file.ts';

export interface Rule {
  readonly file: ForeignFile;
  readonly kind: 'alert' | 'record';
  readonly name: string;
  readonly nameNode: YamlNode;
  readonly expr: YamlNode;
  readonly tree: PromTree | null;
  /** Of an alert, with its name. */
  readonly labels: ReadonlyMap<string, string>;
  readonly forMs: number;
  readonly forNode: YamlNode | undefined;
  /** `interval` of its group; null: the global one. */
  readonly intervalMs: number | null;
}

/** `EXPR > 0.7`, with the number on the right. */
export interface Comparison {
  readonly op: '>' | '>=' | '<' | '<=';
  readonly of: PromTree;
  readonly threshold: number;
}

export interface RuleSet {
  readonly rules: readonly Rule[];
  readonly alerts: readonly Rule[];
  readonly records: ReadonlyMap<string, PromTree>;
}

export function rulesOf(files: readonly ForeignFile[]): RuleSet {
  const rules = files.flatMap((file) => itemsOf(child(file.root ?? undefined, 'groups')).flatMap((group) => rulesOfGroup(file, group)));
  const records = new Map(rules.flatMap((r): [string, PromTree][] => (r.kind === 'record' && r.tree !== null ? [[r.name, r.tree]] : [])));
  return { rules, alerts: rules.filter((r) => r.kind === 'alert'), records };
}

function rulesOfGroup(file: ForeignFile, group: YamlNode): Rule[] {
  const intervalMs = durationAt(group, 'interval')?.ms ?? null;
  return itemsOf(child(group, 'rules')).flatMap((rule): Rule[] => {
    const kind = child(rule, 'alert') === undefined ? 'record' : 'alert';
    const nameNode = child(rule, kind);
    const expr = child(rule, 'expr');
    const name = textOf(nameNode);
    if (nameNode === undefined || name === null || expr === undefined) return [];
    return [
      {
        file,
        kind,
        name,
        nameNode,
        expr,
        tree: promTree(textAt(rule, 'expr') ?? ''),
        labels: new Map([...entriesOf(child(rule, 'labels')), ['alertname', name]]),
        forMs: durationAt(rule, 'for')?.ms ?? 0,
        forNode: child(rule, 'for'),
        intervalMs,
      },
    ];
  });
}

const FLIPPED = { '>': '<', '<': '>', '>=': '<=', '<=': '>=' } as const;

/** Comparisons with a number that an alert stands on, through `and`, `or` and `unless`. */
export function comparisonsOf(tree: PromTree | null): readonly Comparison[] {
  if (tree?.kind !== 'binary') return [];
  if (['and', 'or', 'unless'].includes(tree.op)) return [...comparisonsOf(tree.left), ...(tree.op === 'unless' ? [] : comparisonsOf(tree.right))];
  if (!isOrder(tree.op)) return [];
  const [left, right] = [constantOf(tree.left), constantOf(tree.right)];
  if (right !== null) return [{ op: tree.op, of: tree.left, threshold: right }];
  return left === null ? [] : [{ op: FLIPPED[tree.op], of: tree.right, threshold: left }];
}

function isOrder(op: string): op is Comparison['op'] {
  return op === '>' || op === '>=' || op === '<' || op === '<=';
}

function constantOf(tree: PromTree): number | null {
  if (tree.kind === 'number') return tree.value;
  if (tree.kind === 'negation') {
    const value = constantOf(tree.of);
    return value === null ? null : -value;
  }
  return null;
}

/** Names of metrics an expression stands on, through recording rules. */
export function metricsOf(tree: PromTree | null, records: RuleSet['records']): readonly string[] {
  const found = new Set<string>();
  const open = tree === null ? [] : [tree];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    for (const t of everyTree(next)) {
      if (t.kind !== 'selector' || t.metric === '' || found.has(t.metric)) continue;
      found.add(t.metric);
      const record = records.get(t.metric);
      if (record !== undefined) open.push(record);
    }
  }
  return [...found].filter((metric) => !records.has(metric));
}

/** `… and count(…) < 10`, or `unless count(…) >= 10`: the alert itself stops at a number of machines. */
export function isBounded(tree: PromTree | null): boolean {
  if (tree === null) return false;
  return [...everyTree(tree)].some((t) => {
    if (t.kind !== 'binary' || (t.op !== 'and' && t.op !== 'unless')) return false;
    return comparisonsOf(t.right).some((c) => counts(c.of) && (t.op === 'and') === c.op.startsWith('<'));
  });
}

function counts(tree: PromTree): boolean {
  return [...everyTree(tree)].some((t) => t.kind === 'aggregation' && (t.op === 'count' || (t.op === 'sum' && speaksOfUp(t))));
}

function speaksOfUp(tree: PromTree): boolean {
  return [...everyTree(tree)].some((t) => t.kind === 'selector' && t.metric === 'up');
}
