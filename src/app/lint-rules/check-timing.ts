import { child, type Span } from '../../config/tree.ts';
import { everyTree, promDurationMs } from '../../drivers/sources/prometheus/promql-tree.ts';
import { routesFor } from './alertmanager-file.ts';
import { type Chain, growingAlerts } from './check-scaling.ts';
import { findingAt, type RuleFinding, spoken } from './finding.ts';
import { durationAt, type ForeignFile, itemsOf, spanWithin, type textAt } from './foreign-file.ts';
import type { Rule } from './rule-files.ts';

/** Default of both, where prometheus.yml says nothing. */
const DEFAULT_MS = 60_000;
/** Scraping and evaluating may cost this share of `for:` before it is worth a word. */
const SHARE = 0.2;

interface Written {
  readonly ms: number;
  readonly span: Span;
  readonly isDefault: boolean;
}

function intervalOf(file: ForeignFile, key: 'scrape_interval' | 'evaluation_interval'): Written {
  const global = child(file.root ?? undefined, 'global');
  const written = durationAt(global, key);
  if (written !== null) return { ...written, isDefault: false };
  const first = file.root?.entries[0]?.keySpan ?? { start: 0, end: 1 };
  return { ms: DEFAULT_MS, span: first, isDefault: true };
}

/** The slowest job: an overload is seen there last. */
function scrapeOf(file: ForeignFile): Written {
  const global = intervalOf(file, 'scrape_interval');
  const jobs = itemsOf(child(file.root ?? undefined, 'scrape_configs')).map((job): Written => {
    const own = durationAt(job, 'scrape_interval');
    return own === null ? global : { ...own, isDefault: false };
  });
  return jobs.reduce((slowest, job) => (job.ms > slowest.ms ? job : slowest), jobs[0] ?? global);
}

/** An overload has to outlast `for:` and a scrape and an evaluation on top of it. */
export function checkIntervals(chain: Chain): readonly RuleFinding[] {
  const { prometheus } = chain;
  if (prometheus === null || prometheus.root === null) return [];
  const scrape = scrapeOf(prometheus);
  const evaluation = intervalOf(prometheus, 'evaluation_interval');
  const found: RuleFinding[] = [];
  for (const alert of growingAlerts(chain)) {
    const evaluateMs = alert.intervalMs ?? evaluation.ms;
    if (alert.forMs === 0 || scrape.ms + evaluateMs < alert.forMs * SHARE) continue;
    const late = alert.forMs + scrape.ms + evaluateMs;
    const wait = chain.alertmanager === null ? null : (routesFor(chain.alertmanager, alert.labels)[0]?.groupWaitMs ?? null);
    const culprit = scrape.ms >= evaluateMs || alert.intervalMs !== null ? scrape : evaluation;
    found.push(
      findingAt(prometheus.frame, 'slow-interval', culprit.span, {
        message: `scraping every ${spoken(scrape.ms)} and evaluating every ${spoken(evaluateMs)} is slow for ${alert.name}, for: ${spoken(alert.forMs)}`,
        label: `${culprit.isDefault ? 'neither is written: 1m is the default; ' : ''}an overload shorter than ${spoken(late)} may never fire${wait === null ? '' : `, and the first notification comes ${spoken(wait)} after that`}`,
        fix: `global: { scrape_interval: ${recommended(alert.forMs)}, evaluation_interval: ${recommended(alert.forMs)} }`,
      }),
    );
  }
  return found;
}

function recommended(forMs: number): string {
  const ms = Math.max(1000, Math.min(15_000, Math.floor(forMs / 20 / 1000) * 1000));
  return spoken(ms);
}

/** rate and the like need two samples within their window. */
export function checkWindows({ rules, prometheus }: Chain): readonly RuleFinding[] {
  if (prometheus === null || prometheus.root === null) return [];
  const scrape = scrapeOf(prometheus);
  return rules.rules.flatMap((rule) => shortWindow(rule, scrape, prometheus.shown));
}

function shortWindow(rule: Rule, scrape: Written, shown: string): readonly RuleFinding[] {
  if (rule.tree === null) return [];
  for (const tree of everyTree(rule.tree)) {
    if (tree.kind !== 'call' || !/^(i?rate|increase|i?delta|deriv)$/.test(tree.name)) continue;
    const [selector] = tree.of;
    if (selector?.kind !== 'selector' || selector.window === null) continue;
    const ms = promDurationMs(selector.window);
    if (ms === null || ms >= 2 * scrape.ms) continue;
    const { frame } = rule.file;
    return [
      findingAt(frame, 'short-window', spanWithin(frame, rule.expr, selector.start, selector.end), {
        message: `${tree.name}(…[${selector.window}]) of ${rule.name} has a window shorter than two scrapes`,
        label: `${shown} scrapes every ${spoken(scrape.ms)}: ${spoken(ms)} holds ${ms < scrape.ms ? 'at most one sample' : 'one or two samples'}, and two are needed`,
        fix: `write [${spoken(4 * scrape.ms).replaceAll(' ', '')}] (four scrapes: one may be missed), or scrape every ${spoken(Math.max(1000, Math.floor(ms / 4000) * 1000))}`,
      }),
    ];
  }
  return [];
}

/** What has to send the alert, and where from the targets come. */
export function checkPrometheus({ prometheus, rules }: Chain): readonly RuleFinding[] {
  if (prometheus === null || prometheus.root === null) return [];
  const found: RuleFinding[] = [];
  const managers = child(child(prometheus.root, 'alerting'), 'alertmanagers');
  const somewhere = itemsOf(managers).some(
    (m) => m.kind === 'map' && m.entries.some((e) => e.key.endsWith('_configs') && itemsOf(e.value).some((c) => !emptyTargets(c))),
  );
  if (rules.alerts.length > 0 && !somewhere) {
    found.push(
      findingAt(prometheus.frame, 'no-alertmanager', managers?.span ?? { start: 0, end: 1 }, {
        message: `${prometheus.shown} names no Alertmanager: alerts fire and nobody hears of it`,
        label: 'alerting.alertmanagers has no target',
        fix: 'alerting: { alertmanagers: [{ static_configs: [{ targets: ["127.0.0.1:9093"] }] }] }',
      }),
    );
  }
  for (const job of itemsOf(child(prometheus.root, 'scrape_configs'))) {
    const entry = job.kind === 'map' ? job.entries.find((e) => e.key === 'linode_sd_configs') : undefined;
    if (entry === undefined) continue;
    found.push(
      findingAt(prometheus.frame, 'linode-discovery', entry.keySpan, {
        message: 'linode_sd_configs is not in every Prometheus',
        label: 'the one of Debian (2.42) refuses the file: "field linode_sd_configs not found"',
        fix: "http_sd_configs: [{ url: 'http://127.0.0.1:8470/sd' }]   # the same __meta_linode_* labels, so the relabel rules stay",
      }),
    );
  }
  return found;
}

function emptyTargets(config: Parameters<typeof textAt>[0]): boolean {
  const targets = child(config, 'targets');
  return targets?.kind === 'seq' && targets.items.length === 0;
}
