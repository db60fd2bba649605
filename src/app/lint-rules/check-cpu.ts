import type { PromTree, Selector } from '../../drivers/sources/prometheus/promql-tree.ts';
import { everyTree, promTree } from '../../drivers/sources/prometheus/promql-tree.ts';
import { cpuSelectors, type Host, speaksOfCpu, valueOn } from './cpu-model.ts';
import { findingAt, type RuleFinding } from './finding.ts';
import { spanWithin } from './foreign-file.ts';
import { type Comparison, comparisonsOf, type Rule, type RuleSet } from './rule-files.ts';

/** Hosts a formula is tried on. */
const CORES = [1, 2, 4, 8, 16, 32, 64] as const;
const NEAR = 1e-9;

/** What a formula gives when nothing runs, and when everything is busy. */
interface Behaviour {
  readonly of: PromTree;
  /** It falls as the load grows, as a share of idle time does. */
  readonly falls: boolean;
  /** 1 for a share, 100 for percent. */
  readonly scale: number;
  readonly at: (cores: number, busy: number) => number | null;
}

/** A formula of processor load that is right on one core and wrong on several, or that can never reach its threshold: tried, not guessed. */
export function checkCpu({ rules, alerts, records }: RuleSet): readonly RuleFinding[] {
  return rules.flatMap((rule): readonly RuleFinding[] => {
    if (rule.tree === null || !speaksOfCpu(rule.tree)) return [];
    if (rule.kind === 'alert') return comparisonsOf(rule.tree).flatMap((c) => judge(rule, c.of, [[rule, c]], records));
    const users = alerts.flatMap((alert) =>
      comparisonsOf(alert.tree)
        .filter((c) => [...everyTree(c.of)].some((t) => t.kind === 'selector' && t.metric === rule.name))
        .map((c): Use => [alert, c]),
    );
    return judge(rule, rule.tree, users, records);
  });
}

type Use = readonly [alert: Rule, comparison: Comparison];

function judge(rule: Rule, tree: PromTree, uses: readonly Use[], records: RuleSet['records']): readonly RuleFinding[] {
  if (!speaksOfCpu(tree)) return [];
  const behaviour = behaviourOf(tree, records);
  if (behaviour === null) return [];
  const wrong = uses.map(([alert, c]) => misfire(alert, c, behaviour, records)).find((w) => w !== null) ?? null;
  const why = dependsOnCores(behaviour) ?? wrong;
  if (why === null) return [];
  const fixed = corrected(tree, behaviour, records);
  return [
    findingAt(rule.file.frame, 'cpu-formula', spanWithin(rule.file.frame, rule.expr, tree.start, tree.end), {
      message: `${rule.name} is not the processor load of a host with several cores`,
      label: why,
      fix: `${wrong === null || wrong === why ? '' : `${wrong}\n`}${fixed === null ? 'divide by the number of cores, or average over them: 1 - avg by (instance) (rate(node_cpu_seconds_total{mode="idle"}[2m]))' : `write: ${fixed}`}`,
    }),
  ];
}

function behaviourOf(tree: PromTree, records: RuleSet['records']): Behaviour | null {
  const at = (cores: number, busy: number): number | null => valueOn(tree, { cores, busy } satisfies Host, records);
  const [idle, full] = [at(1, 0), at(1, 1)];
  if (idle === null || full === null) return null;
  const scale = Math.max(Math.abs(idle), Math.abs(full)) > 10 ? 100 : 1;
  return { of: tree, falls: full < idle, scale, at };
}

/** A share of the whole does not know how many cores there are. A plain count of busy cores is another thing, and may be meant. */
function dependsOnCores({ at, falls, scale }: Behaviour): string | null {
  const [one, two, four] = [at(1, 0), at(2, 0), at(4, 0)];
  const [fullOne, fullFour] = [at(1, 1), at(4, 1)];
  if (one === null || two === null || four === null || fullOne === null || fullFour === null) return null;
  if (Math.abs(four - one) > NEAR && Math.abs(fullFour - fullOne) < NEAR && !falls) {
    const exact = Math.abs(two / scale - 0.5) < NEAR && Math.abs(four / scale - 0.75) < NEAR;
    return `an idle host with n cores gives ${exact ? `(n-1)/n${scale === 100 ? ' * 100' : ''}: ` : ''}${shown(two)} with 2 cores, ${shown(four)} with 4`;
  }
  if (Math.abs(four - one) > NEAR && Math.abs(fullFour - fullOne) < NEAR && falls && four < one) {
    return `an idle host with n cores gives ${shown(two)} with 2 cores, ${shown(four)} with 4, instead of ${shown(one)}`;
  }
  return null;
}

/** The alert that fires without load, or cannot fire with it. */
function misfire(alert: Rule, { of, op, threshold }: Comparison, behaviour: Behaviour, records: RuleSet['records']): string | null {
  const at = (cores: number, busy: number): number | null => valueOn(of, { cores, busy }, records);
  const passes = (value: number): boolean =>
    op === '>' ? value > threshold : op === '>=' ? value >= threshold : op === '<' ? value < threshold : value <= threshold;
  const wantsLoad = op.startsWith('>') !== behaviour.falls;
  // A count of busy cores, held against a number of cores, is no share and not meant as one.
  const [fullOne, fullFour] = [at(1, 1), at(4, 1)];
  if (fullOne !== null && fullFour !== null && Math.abs(fullOne - fullFour) > NEAR && threshold > behaviour.scale) return null;
  const cases = CORES.map((cores) => ({ cores, idle: at(cores, 0), full: at(cores, 1) }));
  const limit = `${op} ${threshold}`;
  const host = (cores: number): string => `a host with ${cores} core${cores === 1 ? '' : 's'}`;
  for (const { cores, idle, full } of cases) {
    if (idle === null || full === null) return null;
    if (wantsLoad && passes(idle)) return `${alert.name} (${limit}) fires for ever on ${host(cores)} that does nothing: ${shown(idle)}`;
    if (wantsLoad && !passes(full)) return `${alert.name} (${limit}) never fires on ${host(cores)}: fully busy it gives ${shown(full)}`;
    if (!wantsLoad && !passes(idle)) return `${alert.name} (${limit}) never fires on ${host(cores)}: idle it gives ${shown(idle)}`;
    if (!wantsLoad && passes(full)) return `${alert.name} (${limit}) fires on ${host(cores)} that is fully busy: ${shown(full)}`;
  }
  // Above one core a count of busy cores passes a threshold meant for a share: half a core in four is 0.5.
  const four = at(4, 0.25);
  const one = at(1, 0.25);
  if (wantsLoad && four !== null && one !== null && passes(four) && !passes(one) && threshold <= behaviour.scale)
    return `${alert.name} (${limit}) fires on a host with 4 cores at 25 % load: ${shown(four)}`;
  return null;
}

/** The same question asked rightly: mean idle time, with the window, the grouping and the other labels of the original. */
function corrected(tree: PromTree, { falls, scale }: Behaviour, records: RuleSet['records']): string | null {
  const [selector] = cpuSelectors(tree).filter((s) => s.window !== null);
  if (selector === undefined) return null;
  const by = outerLabels(tree);
  const rate = [...everyTree(tree)].some((t) => t.kind === 'call' && t.name === 'irate') ? 'irate' : 'rate';
  const idle = `avg${by === '' ? '' : ` by (${by}) `}(${rate}(${idleSelector(selector)}))`;
  const text = falls ? (scale === 100 ? `${idle} * 100` : idle) : scale === 100 ? `100 * (1 - ${idle})` : `1 - ${idle}`;
  const check = promTree(text);
  // What is offered has been tried like what is refused.
  if (check === null) return null;
  const right = CORES.every((cores) => {
    const [none, full] = [valueOn(check, { cores, busy: 0 }, records), valueOn(check, { cores, busy: 1 }, records)];
    const [low, high] = falls ? [full, none] : [none, full];
    return low !== null && high !== null && Math.abs(low) < NEAR && Math.abs(high - scale) < NEAR;
  });
  return right ? text : null;
}

function outerLabels(tree: PromTree): string {
  const outer = [...everyTree(tree)].find((t) => t.kind === 'aggregation');
  if (outer?.kind !== 'aggregation' || outer.grouping === null || !outer.grouping.by) return '';
  return outer.grouping.labels.filter((l) => l !== 'cpu' && l !== 'mode').join(', ');
}

function idleSelector(selector: Selector): string {
  const others = selector.matchers.filter((m) => m.label !== 'mode').map((m) => `${m.label}${m.op}"${m.value}"`);
  return `${selector.metric}{${['mode="idle"', ...others].join(', ')}}[${selector.window ?? ''}]`;
}

function shown(value: number): string {
  return String(Math.round(value * 1000) / 1000);
}
