import type { z } from 'zod';
import type { PolicyTable } from '../core/policies/policies.ts';
import type { DriverKind } from '../ports/ports.ts';
import type { ErrorCode } from './codes.ts';
import { type Diagnostic, type ProblemParts, problem } from './diagnostic.ts';
import { idsOf, type ManifestRegistry, manifestOf } from './drivers.ts';
import { METRIC_KEYS } from './schema/metrics.ts';
import { listWords, nearest } from './suggest.ts';
import type { Telling } from './telling.ts';
import { child, entryOf, type MapEntry, type MapNode, nodeAt, type Path, type Span, type YamlNode } from './tree.ts';
import { check, type Finding } from './walk.ts';
import { printable } from './wording.ts';

/** Sections of named drivers: where, which kind, which key says the driver, and the keys that are not options. */
export const SECTIONS = [
  { section: 'clouds', kind: 'cloud', typeKey: 'type', own: ['type'], noun: 'cloud' },
  { section: 'sources', kind: 'source', typeKey: 'type', own: ['type'], noun: 'source' },
  { section: 'balancers', kind: 'balancer', typeKey: 'type', own: ['type'], noun: 'balancer' },
  { section: 'receivers', kind: 'alert-format', typeKey: 'format', own: ['format', 'listen', 'auth'], noun: 'receiver' },
  { section: 'notify', kind: 'notifier', typeKey: 'type', own: ['type', 'at_once', 'digest'], noun: 'notifier' },
] as const satisfies readonly { section: string; kind: DriverKind; typeKey: string; own: readonly string[]; noun: string }[];

export const TEMPLATE_KEYS: readonly string[] = ['cloud', 'price'];
export const HOOK_KEYS: readonly string[] = ['type', 'timeout', 'on_failure'];
export const POLICY_KEYS: readonly string[] = ['name', 'type', 'advisory'];

export interface DriverParts {
  readonly findings: readonly Finding[];
  readonly diagnostics: readonly Diagnostic[];
  /** Parsed options, by the dotted path of the map they were written in. */
  readonly options: ReadonlyMap<string, unknown>;
}

/** Path of a map as a key of `DriverParts.options`. */
export function partKey(path: Path): string {
  return JSON.stringify(path);
}

/** Checks everything whose form the format leaves to a driver or a policy. */
export function checkDrivers(telling: Telling, registry: ManifestRegistry, policies: PolicyTable): DriverParts {
  const work = new DriverCheck(telling, registry, policies);
  for (const section of SECTIONS) for (const entry of entriesOf(child(telling.root, section.section))) work.named(section, entry);
  for (const group of entriesOf(child(telling.root, 'groups'))) work.group(group);
  for (const template of entriesOf(child(telling.root, 'templates'))) work.unusedTemplate(template);
  return work;
}

class DriverCheck implements DriverParts {
  readonly findings: Finding[] = [];
  readonly diagnostics: Diagnostic[] = [];
  readonly options = new Map<string, unknown>();
  readonly #telling: Telling;
  readonly #registry: ManifestRegistry;
  readonly #policies: PolicyTable;

  constructor(telling: Telling, registry: ManifestRegistry, policies: PolicyTable) {
    this.#telling = telling;
    this.#registry = registry;
    this.#policies = policies;
  }

  named(section: (typeof SECTIONS)[number], entry: MapEntry): void {
    if (entry.value.kind !== 'map') return;
    const manifest = this.#driver(section.kind, section.noun, section.typeKey, entry);
    if (manifest !== null) this.#check(manifest.options, entry.value, section.own, [section.section, entry.key], entry.keySpan);
  }

  /** The manifest that a map names; null when it names none, which is then told. */
  #driver(kind: DriverKind, noun: string, typeKey: string, entry: MapEntry): ReturnType<typeof manifestOf> {
    const type = child(entry.value, typeKey);
    const ids = idsOf(this.#registry)[kind];
    if (type === undefined) {
      const suspect = [entry, ...entriesOf(entry.value)].find((e) => nearest(e.key, ids) !== null) ?? entry;
      const near = nearest(suspect.key, ids);
      this.#tell('E0048', suspect.keySpan, {
        message:
          suspect === entry ? `${noun} \`${printable(entry.key)}\` does not say which kind it is` : `\`${printable(suspect.key)}\` is not a kind of ${noun}`,
        label: near === null ? `needs \`${typeKey}\`` : `did you mean \`${near}\`?`,
        help: `add \`${typeKey}:\` with one of ${listWords(ids, 20)}`,
        ...(near === null ? {} : { suggestion: near }),
      });
      return null;
    }
    if (type.kind !== 'scalar' || typeof type.value !== 'string') return null;
    const manifest = manifestOf(this.#registry, kind, type.value);
    if (manifest === null) this.#unknown('E0048', type.span, `\`${printable(type.value)}\` is not a kind of ${noun}`, type.value, ids, `kinds of ${noun}`);
    return manifest;
  }

  #unknown(code: ErrorCode, span: Span, message: string, word: string, known: readonly string[], what: string): void {
    const near = nearest(word, known);
    this.#tell(code, span, {
      message,
      label: near === null ? 'not known' : `did you mean \`${near}\`?`,
      help: known.length === 0 ? `there are no ${what}` : `${what}: ${listWords(known, 20)}`,
      ...(near === null ? {} : { suggestion: near }),
    });
  }

  #tell(code: ErrorCode, span: Span, parts: ProblemParts): void {
    this.diagnostics.push(problem(this.#telling.frame, code, span, parts));
  }

  /** Options are what stands beside the map's own keys. */
  #check(schema: z.ZodType, map: MapNode, own: readonly string[], path: Path, keySpan: Span | null): void {
    const rest: MapNode = { ...map, entries: map.entries.filter((e) => !own.includes(e.key)) };
    const checked = check(schema, rest, path, keySpan, own);
    this.findings.push(...checked.findings);
    if (checked.findings.length === 0) this.options.set(partKey(path), checked.value);
  }

  group(group: MapEntry): void {
    const path = ['groups', group.key];
    this.#template(group, path);
    for (const metric of entriesOf(child(group.value, 'metrics'))) this.#metric(metric, [...path, 'metrics', metric.key]);
    const policies = child(group.value, 'policies');
    if (policies?.kind === 'seq') for (const [i, item] of policies.items.entries()) this.#policy(item, [...path, 'policies', i]);
    for (const step of entriesOf(child(group.value, 'hooks'))) {
      if (step.value.kind !== 'seq') continue;
      for (const [i, item] of step.value.items.entries()) this.#hook(item, [...path, 'hooks', step.key, i]);
    }
  }

  #template(group: MapEntry, path: Path): void {
    const template = child(group.value, 'template');
    const named = template?.kind === 'scalar' && typeof template.value === 'string' ? template.value : null;
    const map = named === null ? template : nodeAt(this.#telling.root, ['templates', named]);
    if (map?.kind !== 'map') return;
    const at = named === null ? [...path, 'template'] : ['templates', named];
    const key = named === null ? entryOf(group.value, 'template')?.keySpan : entryOf(child(this.#telling.root, 'templates'), named)?.keySpan;
    const cloud = textAt(map, 'cloud') ?? textAt(group.value, 'cloud');
    if (cloud !== null) this.#templateOf(cloud, map, at, key ?? null);
  }

  #templateOf(cloud: string, map: MapNode, path: Path, keySpan: Span | null): void {
    const type = textAt(nodeAt(this.#telling.root, ['clouds', cloud]), 'type');
    const manifest = type === null || !Object.hasOwn(this.#registry.clouds, type) ? undefined : this.#registry.clouds[type];
    if (manifest !== undefined && !this.options.has(partKey(path))) this.#check(manifest.template, map, TEMPLATE_KEYS, path, keySpan);
  }

  /** A template that no group uses is checked, too, when it says its cloud. */
  unusedTemplate(template: MapEntry): void {
    const cloud = textAt(template.value, 'cloud');
    const path = ['templates', template.key];
    const told = this.findings.some((f) => f.path[0] === 'templates' && f.path[1] === template.key);
    if (cloud !== null && template.value.kind === 'map' && !told) this.#templateOf(cloud, template.value, path, template.keySpan);
  }

  #metric(metric: MapEntry, path: Path): void {
    if (metric.value.kind !== 'map') return;
    const from = textAt(metric.value, 'from') ?? 'default';
    const type = textAt(nodeAt(this.#telling.root, ['sources', from]), 'type');
    const manifest = type === null || !Object.hasOwn(this.#registry.sources, type) ? undefined : this.#registry.sources[type];
    if (manifest === undefined) return;
    const query = entryOf(metric.value, 'query');
    const plain = metric.value.entries.filter((e) => !METRIC_KEYS.includes(e.key));
    // A source whose query is a text alone.
    if (query !== undefined && plain.length === 1 && query.value.kind === 'scalar') {
      const whole = manifest.query.safeParse(query.value.value);
      const asMap = manifest.query.safeParse({ query: query.value.value });
      if (whole.success && !asMap.success) {
        this.options.set(partKey(path), whole.data);
        return;
      }
    }
    this.#check(manifest.query, metric.value, METRIC_KEYS, path, metric.keySpan);
  }

  #policy(item: YamlNode, path: Path): void {
    const type = child(item, 'type');
    if (item.kind !== 'map' || type?.kind !== 'scalar' || typeof type.value !== 'string') return;
    const definition = Object.hasOwn(this.#policies, type.value) ? this.#policies[type.value] : undefined;
    if (definition !== undefined) this.#check(definition.options, item, POLICY_KEYS, path, item.entries[0]?.keySpan ?? null);
    else this.#unknown('E0049', type.span, `there is no \`${printable(type.value)}\` policy`, type.value, Object.keys(this.#policies), 'types of policies');
  }

  #hook(item: YamlNode, path: Path): void {
    if (item.kind !== 'map') return;
    const first = item.entries.find((e) => !HOOK_KEYS.includes(e.key)) ?? item.entries[0];
    const entry: MapEntry = { key: String(first?.key ?? 'hook'), keySpan: first?.keySpan ?? item.span, value: item };
    const manifest = this.#driver('hook', 'hook', 'type', entry);
    if (manifest !== null) this.#check(manifest.options, item, HOOK_KEYS, path, entry.keySpan);
  }
}

export function entriesOf(node: YamlNode | undefined): readonly MapEntry[] {
  return node?.kind === 'map' ? node.entries : [];
}

export function textAt(node: YamlNode | undefined, key: string): string | null {
  const value = child(node, key);
  return value?.kind === 'scalar' && typeof value.value === 'string' ? value.value : null;
}
