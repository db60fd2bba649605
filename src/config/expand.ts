import { parseDuration } from '../core/units.ts';
import type { DriverKind } from '../ports/ports.ts';
import { type Diagnostic, type Frame, problem } from './diagnostic.ts';
import type { Catalog } from './drivers.ts';
import { expandTarget } from './expand-target.ts';
import { type Expansion, isText, made, mapEntries, mapOf, textOf } from './expansion.ts';
import { PROBE_TIMEOUT_MS } from './schema/life.ts';
import { nearest } from './suggest.ts';
import { child, entryOf, type MapEntry, type MapNode, type Span, type YamlNode } from './tree.ts';

export interface Expanded {
  /** The file in its long form, every value where it was written. */
  readonly root: YamlNode;
  readonly diagnostics: readonly Diagnostic[];
  /** Groups whose `target` could not be understood: told already. */
  readonly badTargets: ReadonlySet<string>;
}

/** Turns every shorthand into its long form. What it does not understand it leaves as it is, for the check to tell. */
export function expand(root: YamlNode, catalog: Catalog, frame: Frame): Expanded {
  if (root.kind !== 'map') return { root, diagnostics: [], badTargets: new Set() };
  const x: Expansion = { frame, catalog, diagnostics: [], balancers: [], badTargets: new Set(), root };
  const groups = mapEntries(child(root, 'groups'), (entry) => ({ ...entry, value: expandGroup(x, entry.key, entry.value) }));
  let entries = root.entries.filter((e) => e.key !== 'prometheus').map((e) => expandSection(x, e, groups));
  entries = withPrometheus(x, entries);
  if (x.balancers.length > 0) entries = addTo(entries, 'balancers', x.balancers, root.span);
  entries = withImplicit(x, entries, 'clouds', 'cloud', referenced(entries, ['cloud']));
  entries = withImplicit(x, entries, 'sources', 'source', referenced(entries, ['from']));
  for (const entry of entries) tellTwice(x, entry.value);
  return { root: mapOf(entries, root.span), diagnostics: x.diagnostics, badTargets: x.badTargets };
}

/** A key that is there twice now was written once in full and once as a shorthand: neither may silently win. */
function tellTwice(x: Expansion, node: YamlNode): void {
  if (node.kind === 'scalar') return;
  if (node.kind === 'seq') {
    for (const item of node.items) tellTwice(x, item);
    return;
  }
  const seen = new Map<string, MapEntry>();
  for (const entry of node.entries) {
    tellTwice(x, entry.value);
    const first = seen.get(entry.key);
    if (first === undefined) seen.set(entry.key, entry);
    else {
      const [short, long] = entry.made === undefined ? [first, entry] : [entry, first];
      x.diagnostics.push(
        problem(x.frame, 'E0018', long.keySpan, {
          message: `\`${entry.key}\` is written twice: once in full, once as a shorthand`,
          label: 'written here',
          help: 'keep one of the two',
          second: { span: short.keySpan, label: 'and here' },
        }),
      );
    }
  }
}

function expandSection(x: Expansion, entry: MapEntry, groups: YamlNode | undefined): MapEntry {
  const typed = (kind: DriverKind, key: string, asKey: boolean): MapEntry => ({
    ...entry,
    value: mapEntries(entry.value, (e) => ({ ...e, value: typedEntry(x, kind, e.key, e.value, key, asKey) })) ?? entry.value,
  });
  if (entry.key === 'groups') return { ...entry, value: groups ?? entry.value };
  if (entry.key === 'clouds') return typed('cloud', 'type', false);
  if (entry.key === 'sources') return typed('source', 'type', false);
  if (entry.key === 'balancers') return typed('balancer', 'type', false);
  if (entry.key === 'receivers') return typed('alert-format', 'format', false);
  if (entry.key === 'notify') return typed('notifier', 'type', true);
  return entry;
}

/** Fills in which driver a named entry is of: its name, or (`{ slack: … }`) one of its keys. */
function typedEntry(x: Expansion, kind: DriverKind, name: string, node: YamlNode, typeKey: string, asKey: boolean): YamlNode {
  const map: YamlNode = node.kind === 'scalar' && node.value === null ? mapOf([], node.span) : node;
  if (map.kind !== 'map' || entryOf(map, typeKey) !== undefined) return map;
  if (asKey) {
    const keyed = driverKeyed(x, kind, map, typeKey);
    if (keyed !== null) return keyed;
  }
  if (!x.catalog.has(kind, name)) return map;
  return mapOf([made(typeKey, textOf(name, map.span), map.span), ...map.entries], map.span);
}

/** `{ haproxy: SOCKET, backend: web }` → `{ type: haproxy, socket: SOCKET, backend: web }`; null when no key is a driver's id. */
export function driverKeyed(x: Expansion, kind: DriverKind, map: MapNode, typeKey: string): MapNode | null {
  const key = map.entries.find((e) => x.catalog.has(kind, e.key));
  if (key === undefined) return null;
  const rest = map.entries.filter((e) => e !== key);
  const options: readonly MapEntry[] =
    key.value.kind === 'map'
      ? key.value.entries
      : key.value.kind === 'scalar' && key.value.value === null
        ? []
        : [{ ...key, key: x.catalog.firstOption(kind, key.key), made: 'shorthand' }];
  return mapOf([made(typeKey, textOf(key.key, key.keySpan), key.keySpan), ...options, ...rest], map.span);
}

function expandGroup(x: Expansion, name: string, node: YamlNode): YamlNode {
  if (node.kind !== 'map') return node;
  const group = expandTarget(x, name, node);
  const entries = group.entries.map((entry): MapEntry => {
    const as = (value: YamlNode): MapEntry => ({ ...entry, value });
    const { value } = entry;
    switch (entry.key) {
      case 'balancer':
        return as(expandBalancers(x, name, value));
      case 'spread':
        return as(value.kind === 'seq' ? mapOf([made('locations', value)], value.span) : value);
      case 'metrics':
        return as(mapEntries(value, (e) => (isText(e.value) ? { ...e, value: mapOf([made('query', e.value)], e.value.span) } : e)) ?? value);
      case 'health':
        return as(expandHealth(value));
      case 'lifecycle':
        return as(expandLifecycle(value));
      case 'hooks':
        return as(mapEntries(value, (e) => ({ ...e, value: expandHooks(x, e.value) })) ?? value);
      case 'notify':
        return as(listOf(value));
      default:
        return entry;
    }
  });
  return liftStopReplacing(x, mapOf(entries, group.span));
}

function listOf(node: YamlNode): YamlNode {
  return isText(node) ? { kind: 'seq', items: [node], span: node.span } : node;
}

function expandHealth(node: YamlNode): YamlNode {
  if (!isText(node)) return mapEntries(node, (e) => (e.key === 'http' || e.key === 'tcp' ? { ...e, value: timeoutWithin(e.value) } : e)) ?? node;
  if (node.value === 'none') return mapOf([], node.span);
  if (node.value === 'tcp') return mapOf([made('tcp', mapOf([], node.span))], node.span);
  return mapOf([made('http', mapOf([made('path', node)], node.span))], node.span);
}

/** Whoever asks more often than the time-out of a check lasts by default means a shorter one. */
function timeoutWithin(check: YamlNode): YamlNode {
  const every = entryOf(check, 'every');
  if (check.kind !== 'map' || every === undefined || !isText(every.value) || entryOf(check, 'timeout') !== undefined) return check;
  const parsed = parseDuration(every.value.value);
  if (!parsed.ok || parsed.value >= PROBE_TIMEOUT_MS) return check;
  return mapOf([...check.entries, { key: 'timeout', keySpan: every.keySpan, value: every.value, made: 'default' }], check.span);
}

function expandLifecycle(node: YamlNode): YamlNode {
  const mapped = mapEntries(node, (e) => {
    if (e.key === 'drain' && e.value.kind === 'scalar' && e.value.value !== null) return { ...e, value: mapOf([made('timeout', e.value)], e.value.span) };
    if (e.key === 'remove_first') return { ...e, value: listOf(e.value) };
    return e;
  });
  return mapped ?? node;
}

function expandHooks(x: Expansion, node: YamlNode): YamlNode {
  const items = node.kind === 'seq' ? node.items : node.kind === 'map' ? [node] : null;
  if (items === null) return node;
  return {
    kind: 'seq',
    items: items.map((item) => (item.kind === 'map' && entryOf(item, 'type') === undefined ? (driverKeyed(x, 'hook', item, 'type') ?? item) : item)),
    span: node.span,
  };
}

const BINDING = new Set(['use', 'port', 'weight']);

/** Balancers written inside a group get a name of their own and move to `balancers`. */
function expandBalancers(x: Expansion, group: string, node: YamlNode): YamlNode {
  const items = node.kind === 'seq' ? node.items : isText(node) || node.kind === 'map' ? [node] : null;
  if (items === null) return node;
  return { kind: 'seq', items: items.map((item) => expandBinding(x, group, item)), span: node.span };
}

function expandBinding(x: Expansion, group: string, item: YamlNode): YamlNode {
  if (isText(item)) return mapOf([made('use', item)], item.span);
  if (item.kind !== 'map' || entryOf(item, 'use') !== undefined) return item;
  const options = mapOf(
    item.entries.filter((e) => !BINDING.has(e.key)),
    item.span,
  );
  const keyed = entryOf(options, 'type') === undefined ? driverKeyed(x, 'balancer', options, 'type') : options;
  if (keyed === null) return unknownBalancer(x, item);
  const id = child(keyed, 'type');
  const base = `${group}-${isText(id) ? id.value : 'balancer'}`;
  const taken = new Set([...x.balancers.map((b) => b.key), ...keysOf(child(x.root, 'balancers'))]);
  let name = base;
  for (let i = 2; taken.has(name); i++) name = `${base}-${i}`;
  x.balancers.push(made(name, keyed, item.span));
  return mapOf([made('use', textOf(name, item.span)), ...item.entries.filter((e) => BINDING.has(e.key))], item.span);
}

/** Left as a binding without `use` it would be told twice; it is told here, and binds to nothing. */
function unknownBalancer(x: Expansion, item: MapNode): YamlNode {
  const ids = x.catalog.ids('balancer');
  const suspect = item.entries.find((e) => !BINDING.has(e.key) && nearest(e.key, ids) !== null) ?? item.entries.find((e) => !BINDING.has(e.key));
  const near = suspect === undefined ? null : nearest(suspect.key, ['use', ...ids]);
  const list = ids.map((i) => `\`${i}\``).join(', ');
  x.diagnostics.push(
    problem(x.frame, suspect === undefined ? 'E0011' : near === 'use' ? 'E0012' : 'E0048', suspect?.keySpan ?? item.span, {
      message: suspect === undefined ? 'this balancer does not say which' : `\`${suspect.key}\` is not a kind of balancer`,
      label: near === null ? 'which balancer?' : `did you mean \`${near}\`?`,
      help: `write \`{ use: NAME }\` for one under \`balancers:\`, or one of ${list} with its options`,
      ...(near === null ? {} : { suggestion: near }),
    }),
  );
  return mapOf([made('use', textOf('', item.span))], item.span);
}

/** `health.stop_replacing_above` is another way to write `limits.brake.fraction`. */
function liftStopReplacing(x: Expansion, group: MapNode): MapNode {
  const health = entryOf(group, 'health');
  const share = entryOf(health?.value, 'stop_replacing_above');
  if (health?.value.kind !== 'map' || share === undefined) return group;
  const limits = child(group, 'limits');
  const brake = child(limits, 'brake');
  const written = entryOf(brake, 'fraction');
  if (written !== undefined) {
    x.diagnostics.push(
      problem(x.frame, 'E0018', share.keySpan, {
        message: '`health.stop_replacing_above` and `limits.brake.fraction` are the same thing',
        label: 'written here',
        help: 'keep one of the two',
        second: { span: written.keySpan, label: 'and here' },
      }),
    );
    return group;
  }
  const rest = group.entries.map((e) =>
    e === health ? { ...e, value: mapOf(health.value.kind === 'map' ? health.value.entries.filter((h) => h !== share) : [], health.value.span) } : e,
  );
  const fraction = made('fraction', share.value, share.keySpan);
  const newBrake = made('brake', mapOf([...(brake?.kind === 'map' ? brake.entries : []), fraction], share.value.span), share.keySpan);
  if (limits !== undefined && limits.kind !== 'map') return group;
  const newLimits = mapOf([...(limits?.entries.filter((e) => e.key !== 'brake') ?? []), newBrake], limits?.span ?? share.value.span);
  return mapOf(
    [...rest.filter((e) => e.key !== 'limits'), { ...(entryOf(group, 'limits') ?? made('limits', newLimits, share.keySpan)), value: newLimits }],
    group.span,
  );
}

function withPrometheus(x: Expansion, entries: MapEntry[]): MapEntry[] {
  const url = entryOf(x.root, 'prometheus');
  if (url === undefined) return entries;
  const existing = entryOf(child(x.root, 'sources'), 'default');
  if (existing !== undefined) {
    x.diagnostics.push(
      problem(x.frame, 'E0018', url.keySpan, {
        message: '`prometheus` and `sources.default` are the same thing',
        label: 'makes a source named `default`',
        help: 'keep one of the two',
        second: { span: existing.keySpan, label: 'but there is one already' },
      }),
    );
    return entries;
  }
  const source = mapOf([made('type', textOf('prometheus', url.keySpan)), made('url', url.value)], url.value.span);
  return addTo(entries, 'sources', [made('default', source, url.keySpan)], url.keySpan);
}

function addTo(entries: readonly MapEntry[], section: string, more: readonly MapEntry[], span: Span): MapEntry[] {
  const old = entries.find((e) => e.key === section);
  if (old === undefined || (old.value.kind === 'scalar' && old.value.value === null))
    return [...entries.filter((e) => e !== old), made(section, mapOf(more, span), span)];
  if (old.value.kind !== 'map') return [...entries];
  const value = mapOf([...old.value.entries, ...more], old.value.span);
  return entries.map((e) => (e === old ? { ...e, value } : e));
}

/** Names used for `keys` in groups, their metrics, and templates, with the place of the first use. */
function referenced(entries: readonly MapEntry[], keys: readonly string[]): Map<string, Span> {
  const found = new Map<string, Span>();
  const note = (node: YamlNode | undefined): void => {
    for (const key of keys) {
      const value = child(node, key);
      if (isText(value) && !found.has(value.value)) found.set(value.value, value.span);
    }
  };
  const section = (name: string): readonly MapEntry[] => {
    const value = entries.find((e) => e.key === name)?.value;
    return value?.kind === 'map' ? value.entries : [];
  };
  for (const template of section('templates')) note(template.value);
  for (const group of section('groups')) {
    note(group.value);
    note(child(group.value, 'template'));
    const metrics = child(group.value, 'metrics');
    if (metrics?.kind === 'map') for (const metric of metrics.entries) note(metric.value);
  }
  return found;
}

/** A cloud or source that is used by its driver's id and declared nowhere is one without options. */
function withImplicit(x: Expansion, entries: MapEntry[], section: string, kind: DriverKind, used: ReadonlyMap<string, Span>): MapEntry[] {
  const declared = new Set(keysOf(entries.find((e) => e.key === section)?.value));
  const more = [...used]
    .filter(([name]) => !declared.has(name) && x.catalog.has(kind, name) && x.catalog.options(kind, name)?.safeParse({}).success !== false)
    .map(([name, span]) => made(name, mapOf([made('type', textOf(name, span))], span), span));
  return more.length === 0 ? entries : addTo(entries, section, more, more[0]?.keySpan ?? { start: 0, end: 0 });
}

function keysOf(node: YamlNode | undefined): string[] {
  return node?.kind === 'map' ? node.entries.map((e) => e.key) : [];
}
