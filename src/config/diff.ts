import type { Json } from '../core/model/json.ts';
import { parseDuration, parsePercent } from '../core/units.ts';
import type { LoadedConfig } from './load.ts';
import { child, type MapEntry, toPlain, type YamlNode } from './tree.ts';

/** One difference between two configurations. Secrets are references in both, so nothing has to be hidden. */
export interface ConfigChange {
  readonly kind: 'add' | 'change' | 'remove';
  /** Null: outside of groups. */
  readonly group: string | null;
  /** `limits.scale_in.after_quiet`; policies and metrics go by their names. */
  readonly key: string;
  readonly before: Json;
  readonly after: Json;
  /** Running machines that this deletes; 0: none. */
  readonly deletes: number;
  /** In one line: `~ web   max   10 → 12`. */
  readonly text: string;
}

interface Item {
  readonly group: string | null;
  readonly key: string;
  readonly node: YamlNode;
  /** What a whole policy or group says, in a few words. */
  readonly summary?: string;
}
type Raw = Omit<ConfigChange, 'text'> & { readonly summary?: string | undefined };

/** What applying `to` instead of `from` changes. `running`: machines that run now, by group. */
export function diffConfigs(from: LoadedConfig | null, to: LoadedConfig, running: Readonly<Record<string, number>> = {}): ConfigChange[] {
  const before = from === null ? new Map<string, Item>() : itemsOf(from.expanded);
  const after = itemsOf(to.expanded);
  const raw: Raw[] = [];
  for (const [id, item] of after) {
    const old = before.get(id);
    if (old === undefined)
      raw.push({ kind: 'add', group: item.group, key: item.key, before: null, after: jsonOf(item.node), deletes: 0, summary: item.summary });
    else if (!same(old.node, item.node))
      raw.push({ kind: 'change', group: item.group, key: item.key, before: jsonOf(old.node), after: jsonOf(item.node), deletes: deletesOf(item, running) });
  }
  for (const [id, item] of before) {
    if (!after.has(id)) raw.push({ kind: 'remove', group: item.group, key: item.key, before: jsonOf(item.node), after: null, deletes: 0 });
  }
  const width = Math.max(0, ...raw.map((c) => (c.group ?? '').length));
  const keyWidth = Math.min(28, Math.max(0, ...raw.map((c) => keyText(c).length)));
  return raw.map(({ summary, ...c }) => ({ ...c, text: lineOf({ ...c, summary }, width, keyWidth) }));
}

/** Machines that a smaller maximum takes away. */
function deletesOf(item: Item, running: Readonly<Record<string, number>>): number {
  if (item.group === null || item.key !== 'max' || item.node.kind !== 'scalar' || typeof item.node.value !== 'number') return 0;
  const now = Object.hasOwn(running, item.group) ? (running[item.group] ?? 0) : 0;
  return Math.max(0, now - item.node.value);
}

/** Parts that come and go as a whole: adding one is one line, whatever it holds. */
const NAMED = new Set(['groups', 'clouds', 'sources', 'balancers', 'templates', 'receivers', 'notify']);

function itemsOf(root: YamlNode): Map<string, Item> {
  const out = new Map<string, Item>();
  for (const section of mapEntries(root)) {
    if (!NAMED.has(section.key)) {
      flatten(out, null, section.key, section.value);
      continue;
    }
    for (const entry of mapEntries(section.value)) {
      if (section.key === 'groups') groupItems(out, entry);
      else flatten(out, null, `${section.key}.${entry.key}`, entry.value);
    }
  }
  return out;
}

function groupItems(out: Map<string, Item>, group: MapEntry): void {
  put(out, { group: group.key, key: '', node: { kind: 'scalar', value: true, span: group.value.span }, summary: groupWords(group.value) });
  for (const entry of mapEntries(group.value)) {
    if (entry.key === 'policies' && entry.value.kind === 'seq') {
      for (const item of entry.value.items) {
        const name = child(item, 'name') ?? child(item, 'type');
        const key = `policies.${name?.kind === 'scalar' ? String(name.value) : '?'}`;
        put(out, { group: group.key, key, node: typeOnly(item), summary: policyWords(item) });
        for (const option of mapEntries(item))
          if (option.key !== 'name' && option.key !== 'type') flatten(out, group.key, `${key}.${option.key}`, option.value);
      }
    } else flatten(out, group.key, entry.key, entry.value);
  }
}

function groupWords(group: YamlNode): string {
  const said = ['cloud', 'min', 'max'].flatMap((key) => {
    const value = child(group, key);
    return value?.kind === 'scalar' ? [`${key} ${String(value.value)}`] : [];
  });
  return said.join(', ');
}

/** `schedule: cron 0 8 * * 1-5, for 10h, min 4`: what somebody wrote, without defaults. */
function policyWords(policy: YamlNode): string {
  const type = typeOnly(policy);
  const said = mapEntries(policy).filter((e) => e.made !== 'default' && e.key !== 'name' && e.key !== 'type');
  return `${type.kind === 'scalar' ? String(type.value) : '?'}: ${said.map((e) => `${e.key} ${short(jsonOf(e.value))}`).join(', ')}`;
}

function typeOnly(policy: YamlNode): YamlNode {
  return child(policy, 'type') ?? policy;
}

function flatten(out: Map<string, Item>, group: string | null, key: string, node: YamlNode): void {
  if (node.kind === 'map' && node.entries.length > 0) for (const entry of node.entries) flatten(out, group, `${key}.${entry.key}`, entry.value);
  else put(out, { group, key, node });
}

function put(out: Map<string, Item>, item: Item): void {
  out.set(JSON.stringify([item.group, item.key]), item);
}

function mapEntries(node: YamlNode | undefined): readonly MapEntry[] {
  return node?.kind === 'map' ? node.entries : [];
}

const jsonOf = (node: YamlNode): Json => toPlain(node) as Json;

/** `300s` and `5m` are the same. */
function same(a: YamlNode, b: YamlNode): boolean {
  const [x, y] = [toPlain(a), toPlain(b)];
  if (JSON.stringify(x) === JSON.stringify(y)) return true;
  if (typeof x !== 'string' || typeof y !== 'string') return false;
  for (const parse of [parseDuration, parsePercent]) {
    const [p, q] = [parse(x), parse(y)];
    if (p.ok && q.ok && p.value === q.value) return true;
  }
  return false;
}

function keyText(c: Raw): string {
  if (c.key === '') return 'group';
  return /^policies\.[^.]+$/.test(c.key) ? `policy ${c.key.slice('policies.'.length)}` : c.key;
}

function lineOf(c: Raw, groupWidth: number, keyWidth: number): string {
  const sign = c.deletes > 0 ? '!' : c.kind === 'add' ? '+' : c.kind === 'remove' ? '-' : '~';
  return `${sign} ${(c.group ?? '').padEnd(groupWidth)}   ${keyText(c).padEnd(keyWidth)}   ${valueText(c)}`.trimEnd();
}

function valueText(c: Raw): string {
  if (c.key === '' && c.kind === 'remove') return 'no longer managed; its machines are kept';
  if (c.kind === 'add') return short(c.summary ?? c.after);
  if (c.kind === 'remove') return short(c.before);
  const deletes = c.deletes > 0 ? `     deletes ${c.deletes} running ${c.deletes === 1 ? 'instance' : 'instances'}` : '';
  return `${short(c.before)} → ${short(c.after)}${deletes}`;
}

function short(value: Json): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return text.length > 80 ? `${text.slice(0, 77)}…` : text;
}

/** The changes, line by line, and the tally. Parts of a group or policy that comes or goes as a whole are folded into its line unless `verbose`. */
export function printChanges(changes: readonly ConfigChange[], verbose = false): string {
  if (changes.length === 0) return 'No changes.';
  const wholes = changes.filter((c) => c.kind !== 'change' && (c.key === '' || /^policies\.[^.]+$/.test(c.key)));
  const folded = (c: ConfigChange): boolean =>
    !verbose && wholes.some((w) => w !== c && w.kind === c.kind && w.group === c.group && (w.key === '' || c.key.startsWith(`${w.key}.`)));
  const shown = changes.filter((c) => !folded(c));
  const count = (kind: ConfigChange['kind']): number => shown.filter((c) => c.kind === kind).length;
  const deletes = changes.reduce((sum, c) => sum + c.deletes, 0);
  const end =
    deletes === 0 ? 'No instance is deleted by this plan.' : `${deletes} running ${deletes === 1 ? 'instance is' : 'instances are'} deleted by this plan.`;
  return [...shown.map((c) => `  ${c.text}`), '', `${count('change')} to change, ${count('add')} to add, ${count('remove')} to remove. ${end}`].join('\n');
}
