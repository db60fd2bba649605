/** Routes and receivers of Alertmanager as the checks look at them. */
import { child, type YamlNode } from '../../config/tree.ts';
import { durationAt, entriesOf, type ForeignFile, itemsOf, textAt, textOf } from './foreign-file.ts';

export interface Route {
  readonly node: YamlNode;
  readonly receiver: string;
  readonly groupIntervalMs: number;
  readonly repeatIntervalMs: number;
  readonly groupWaitMs: number;
}

type Labels = ReadonlyMap<string, string>;

/** Defaults of Alertmanager (https://prometheus.io/docs/alerting/latest/configuration/#route). */
const DEFAULTS = { groupIntervalMs: 300_000, repeatIntervalMs: 14_400_000, groupWaitMs: 30_000 } as const;

/** Where an alert with these labels goes: first match and deepest route, and on where `continue` says so. */
export function routesFor(file: ForeignFile, labels: Labels): readonly Route[] {
  const root = child(file.root ?? undefined, 'route');
  return root === undefined ? [] : descend(root, { node: root, receiver: '', ...DEFAULTS }, labels, 0);
}

function descend(node: YamlNode, above: Route, labels: Labels, depth: number): readonly Route[] {
  if (depth > 0 && !matchesAll(node, labels, '')) return [];
  const here: Route = {
    node,
    receiver: textAt(node, 'receiver') ?? above.receiver,
    groupIntervalMs: durationAt(node, 'group_interval')?.ms ?? above.groupIntervalMs,
    repeatIntervalMs: durationAt(node, 'repeat_interval')?.ms ?? above.repeatIntervalMs,
    groupWaitMs: durationAt(node, 'group_wait')?.ms ?? above.groupWaitMs,
  };
  const found: Route[] = [];
  for (const below of itemsOf(child(node, 'routes'))) {
    const deeper = descend(below, here, labels, depth + 1);
    found.push(...deeper);
    if (deeper.length > 0 && textAt(below, 'continue') !== 'true') break;
  }
  return found.length > 0 ? found : [here];
}

/** Longer ones are left out: a foreign text must not cost time. */
const MAX_MATCHER_CHARS = 1000;
const MOST_MATCHERS = 100;

/** `match`, `match_re` and `matchers`, with a prefix for those of inhibitions. A label that is not known before the alert fires (instance) may be anything. */
export function matchesAll(node: YamlNode | undefined, labels: Labels, prefix: '' | 'source_' | 'target_'): boolean {
  for (const [label, value] of entriesOf(child(node, `${prefix}match`))) if (!mayBe(labels, label, (v) => v === value)) return false;
  for (const [label, value] of entriesOf(child(node, `${prefix}match_re`))) if (!mayBe(labels, label, (v) => patternMatches(value, v))) return false;
  const list = child(node, `${prefix}matchers`);
  const written =
    list?.kind === 'seq'
      ? list.items.map((i) => textOf(i) ?? '')
      : (textOf(list) ?? '')
          .slice(0, MAX_MATCHER_CHARS)
          .replace(/^\{|\}$/g, '')
          .split(/,(?=(?:[^"]*"[^"]*")*[^"]*$)/);
  for (const text of written.slice(0, MOST_MATCHERS)) {
    if (text.length > MAX_MATCHER_CHARS) continue;
    const matcher = /^\s*\{?\s*"?([A-Za-z_][\w]*)"?\s*(=~|!~|!=|=)\s*"?(.*?)"?\s*\}?\s*$/.exec(text);
    if (matcher === null) continue;
    const [, label = '', op = '', value = ''] = matcher;
    const same = (v: string): boolean => (op.endsWith('~') ? patternMatches(value, v) : v === value);
    if (!mayBe(labels, label, (v) => same(v) !== op.startsWith('!'))) return false;
  }
  return true;
}

/** Labels of the rule are known; of those that come from the series nothing is, so nothing is held against them. */
function mayBe(labels: Labels, label: string, test: (value: string) => boolean): boolean {
  const value = labels.get(label);
  if (value !== undefined) return value.includes('{{') || test(value);
  return label !== 'severity' || test('');
}

/** Alternatives of plain words are compared; any other pattern is not run and taken to match. */
function patternMatches(pattern: string, value: string): boolean {
  const bare = pattern.replace(/^\^?\(?|\)?\$?$/g, '');
  if (!/^[\w| -]*(\.[*+])?$/.test(bare)) return true;
  return bare.split('|').some((word) => (/\.[*+]$/.test(word) ? value.startsWith(word.slice(0, -2)) : word === value));
}

export interface Receiver {
  readonly name: string;
  readonly node: YamlNode;
  readonly webhooks: readonly YamlNode[];
  /** It tells somebody or something. */
  readonly tells: boolean;
}

export function receiversOf(file: ForeignFile): ReadonlyMap<string, Receiver> {
  const found = new Map<string, Receiver>();
  for (const node of itemsOf(child(file.root ?? undefined, 'receivers'))) {
    const name = textAt(node, 'name') ?? '';
    const kinds = node.kind === 'map' ? node.entries.filter((e) => e.key.endsWith('_configs') && itemsOf(e.value).length > 0) : [];
    found.set(name, { name, node, webhooks: itemsOf(child(node, 'webhook_configs')), tells: kinds.length > 0 });
  }
  return found;
}
