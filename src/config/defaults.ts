import type { z } from 'zod';
import type { PolicyTable } from '../core/policies/policies.ts';
import { entriesOf, HOOK_KEYS, POLICY_KEYS, SECTIONS, TEMPLATE_KEYS, textAt } from './check-drivers.ts';
import { type ManifestRegistry, manifestOf } from './drivers.ts';
import { fileSchema } from './schema/file.ts';
import { METRIC_KEYS } from './schema/metrics.ts';
import { child, type MapEntry, type MapNode, nodeAt, type Plain, type Span, type YamlNode } from './tree.ts';
import { defaultOf, defOf, unwrap } from './walk.ts';

const NOWHERE: Span = { start: 0, end: 0 };

/** The expanded file with every default filled in and marked. */
export function withDefaults(root: YamlNode, registry: ManifestRegistry, policies: PolicyTable): YamlNode {
  const filled = fill(fileSchema, root);
  return filled.kind === 'map' ? fillDrivers(filled, registry, policies) : filled;
}

/** Adds to a map what its schema has defaults for. */
function fill(schema: z.ZodType, node: YamlNode): YamlNode {
  const inner = unwrap(schema);
  const def = defOf(inner);
  if (def.type === 'union') {
    const option = (def.options ?? []).find((o) => fits(o, node));
    return option === undefined ? node : fill(option, node);
  }
  if (def.type === 'record' && node.kind === 'map' && def.valueType !== undefined) {
    const value = def.valueType;
    return { ...node, entries: node.entries.map((e) => ({ ...e, value: fill(value, e.value) })) };
  }
  if (def.type === 'array' && node.kind === 'seq' && def.element !== undefined) {
    const element = def.element;
    return { ...node, items: node.items.map((item) => fill(element, item)) };
  }
  if (def.type !== 'object' || def.shape === undefined || node.kind !== 'map') return node;
  const entries: MapEntry[] = node.entries.map((e) => {
    const field = Object.hasOwn(def.shape ?? {}, e.key) ? def.shape?.[e.key] : undefined;
    return field === undefined ? e : { ...e, value: fill(field, e.value) };
  });
  for (const [key, field] of Object.entries(def.shape)) {
    if (entries.some((e) => e.key === key)) continue;
    const value = defaultOf(field);
    if (value === undefined || value === null) continue;
    entries.push({ key, keySpan: NOWHERE, value: fill(field, nodeOf(value)), made: 'default' });
  }
  return { ...node, entries };
}

function fits(schema: z.ZodType, node: YamlNode): boolean {
  const { type } = defOf(unwrap(schema));
  if (node.kind === 'map') return type === 'object' || type === 'record';
  return node.kind === 'seq' && type === 'array';
}

function nodeOf(value: Plain): YamlNode {
  if (Array.isArray(value)) return { kind: 'seq', items: value.map(nodeOf), span: NOWHERE };
  if (value === null || typeof value !== 'object') return { kind: 'scalar', value, span: NOWHERE };
  const entries = Object.entries(value).map(([key, v]): MapEntry => ({ key, keySpan: NOWHERE, value: nodeOf(v), made: 'default' }));
  return { kind: 'map', entries, span: NOWHERE };
}

function fillDrivers(root: MapNode, registry: ManifestRegistry, policies: PolicyTable): MapNode {
  const entries = root.entries.map((section): MapEntry => {
    const known = SECTIONS.find((s) => s.section === section.key);
    if (known !== undefined) {
      return mapValues(section, (entry) => {
        const manifest = manifestOf(registry, known.kind, textAt(entry.value, known.typeKey) ?? '');
        return manifest === null ? entry : beside(entry, manifest.options, known.own);
      });
    }
    if (section.key === 'templates') return mapValues(section, (entry) => fillTemplate(entry, textAt(entry.value, 'cloud'), root, registry));
    if (section.key === 'groups') return mapValues(section, (entry) => fillGroup(entry, root, registry, policies));
    return section;
  });
  return { ...root, entries };
}

/** Defaults of options that stand beside a map's own keys. */
function beside(entry: MapEntry, schema: z.ZodType, own: readonly string[]): MapEntry {
  if (entry.value.kind !== 'map') return entry;
  const mine = entry.value.entries.filter((e) => own.includes(e.key));
  const options = fill(schema, { ...entry.value, entries: entry.value.entries.filter((e) => !own.includes(e.key)) });
  return { ...entry, value: { ...entry.value, entries: [...mine, ...entriesOf(options)] } };
}

function fillTemplate(entry: MapEntry, cloud: string | null, root: YamlNode, registry: ManifestRegistry): MapEntry {
  const type = textAt(nodeAt(root, ['clouds', cloud ?? '']), 'type') ?? '';
  const manifest = Object.hasOwn(registry.clouds, type) ? registry.clouds[type] : undefined;
  return manifest === undefined ? entry : beside(entry, manifest.template, TEMPLATE_KEYS);
}

function fillGroup(group: MapEntry, root: YamlNode, registry: ManifestRegistry, policies: PolicyTable): MapEntry {
  const cloud = textAt(group.value, 'cloud') ?? textAt(child(group.value, 'template'), 'cloud');
  return mapValues(group, (entry) => {
    if (entry.key === 'template') return fillTemplate(entry, cloud, root, registry);
    if (entry.key === 'metrics') {
      return mapValues(entry, (metric) => {
        const type = textAt(nodeAt(root, ['sources', textAt(metric.value, 'from') ?? 'default']), 'type') ?? '';
        const manifest = Object.hasOwn(registry.sources, type) ? registry.sources[type] : undefined;
        return manifest === undefined ? metric : beside(metric, mapForm(manifest.query), METRIC_KEYS);
      });
    }
    if (entry.key === 'policies') {
      return mapItems(entry, (item) => {
        const type = textAt(item.value, 'type') ?? '';
        return Object.hasOwn(policies, type) && policies[type] !== undefined ? beside(item, policies[type].options, POLICY_KEYS) : item;
      });
    }
    if (entry.key === 'hooks') {
      return mapValues(entry, (step) =>
        mapItems(step, (item) => {
          const manifest = manifestOf(registry, 'hook', textAt(item.value, 'type') ?? '');
          return manifest === null ? item : beside(item, manifest.options, HOOK_KEYS);
        }),
      );
    }
    return entry;
  });
}

function mapForm(schema: z.ZodType): z.ZodType {
  const def = defOf(unwrap(schema));
  return (def.options ?? []).find((o) => defOf(unwrap(o)).type === 'object') ?? schema;
}

function mapValues(entry: MapEntry, change: (entry: MapEntry) => MapEntry): MapEntry {
  return entry.value.kind === 'map' ? { ...entry, value: { ...entry.value, entries: entry.value.entries.map(change) } } : entry;
}

function mapItems(entry: MapEntry, change: (item: MapEntry) => MapEntry): MapEntry {
  if (entry.value.kind !== 'seq') return entry;
  return { ...entry, value: { ...entry.value, items: entry.value.items.map((value, i) => change({ key: String(i), keySpan: value.span, value }).value) } };
}
