import type { z } from 'zod';
import { distance } from './suggest.ts';
import { type MapNode, type Plain, type SeqNode, type Span, toPlain, type YamlNode } from './tree.ts';

/** One thing a schema has against a node. Turned into words by diagnose.ts. */
export type Finding =
  | {
      readonly kind: 'unknown-key';
      readonly key: string;
      readonly keySpan: Span;
      readonly node: YamlNode;
      readonly known: readonly string[];
      readonly path: readonly (string | number)[];
    }
  | {
      readonly kind: 'missing';
      readonly key: string;
      readonly node: YamlNode;
      readonly keySpan: Span | null;
      readonly path: readonly (string | number)[];
      readonly schema: z.ZodType;
    }
  | { readonly kind: 'empty'; readonly key: string; readonly span: Span; readonly path: readonly (string | number)[]; readonly schema: z.ZodType }
  | { readonly kind: 'bad-key'; readonly key: string; readonly keySpan: Span; readonly path: readonly (string | number)[]; readonly message: string }
  | {
      readonly kind: 'bad-value';
      readonly node: YamlNode;
      readonly keySpan: Span | null;
      readonly path: readonly (string | number)[];
      readonly schema: z.ZodType;
      readonly issue: z.core.$ZodIssue | null;
    };

export interface Checked {
  /** The parsed value; parts with findings are absent. Undefined when nothing is usable. */
  readonly value: unknown;
  readonly findings: readonly Finding[];
}

type Path = readonly (string | number)[];
interface Here {
  readonly path: Path;
  readonly keySpan: Span | null;
}
/** What this file needs to see of a schema's inside. */
type Def = {
  readonly type: string;
  readonly shape?: Readonly<Record<string, z.ZodType>>;
  readonly catchall?: z.ZodType;
  readonly keyType?: z.ZodType;
  readonly valueType?: z.ZodType;
  readonly element?: z.ZodType;
  readonly options?: readonly z.ZodType[];
  readonly discriminator?: string;
  readonly innerType?: z.ZodType;
  readonly in?: z.ZodType;
  readonly getter?: () => z.ZodType;
  readonly defaultValue?: unknown;
  readonly values?: readonly unknown[];
  readonly entries?: Readonly<Record<string, string | number>>;
};

export function defOf(schema: z.ZodType): Def {
  return schema._zod.def as unknown as Def;
}

/** What is looked into part by part; anything else is judged whole. */
const STRUCTURES = new Set(['object', 'record', 'array']);
const WRAPPERS = new Set(['optional', 'default', 'prefault', 'nullable', 'readonly', 'nonoptional', 'catch']);

/** The schema below optional, default and the like, and the written side of a transformation of objects. */
export function unwrap(schema: z.ZodType): z.ZodType {
  let inner = schema;
  for (let i = 0; i < 20; i++) {
    const def = defOf(inner);
    if (WRAPPERS.has(def.type) && def.innerType !== undefined) inner = def.innerType;
    else if (def.type === 'lazy' && def.getter !== undefined) inner = def.getter();
    else if (def.type === 'pipe' && def.in !== undefined && STRUCTURES.has(defOf(unwrap(def.in)).type)) inner = def.in;
    else return inner;
  }
  return inner;
}

/** What stands in for a value nobody wrote, in its written form; undefined when there is nothing. */
export function defaultOf(schema: z.ZodType): Plain | undefined {
  let inner = schema;
  for (let i = 0; i < 20; i++) {
    const def = defOf(inner);
    if (def.type === 'prefault' || def.type === 'default') return plainOf(def.defaultValue);
    if (!WRAPPERS.has(def.type) || def.innerType === undefined) return undefined;
    inner = def.innerType;
  }
  return undefined;
}

function plainOf(value: unknown): Plain | undefined {
  return value === undefined ? undefined : (JSON.parse(JSON.stringify(value)) as Plain);
}

export function isRequired(schema: z.ZodType): boolean {
  return !schema.safeParse(undefined).success;
}

/** Field name → schema, for anything that is a map with known keys (unions: all their keys). */
export function shapeOf(schema: z.ZodType): Readonly<Record<string, z.ZodType>> {
  const def = defOf(unwrap(schema));
  if (def.shape !== undefined) return def.shape;
  if (def.options !== undefined) return Object.assign({}, ...[...def.options].reverse().map(shapeOf)) as Record<string, z.ZodType>;
  return {};
}

/** Checks a node against a schema field by field, so that one mistake hides no other. */
export function check(schema: z.ZodType, node: YamlNode, path: Path = [], keySpan: Span | null = null, known: readonly string[] = []): Checked {
  return new Walk(known, path.length).visit(schema, node, { path, keySpan });
}

class Walk {
  /** Keys that are fine beside those of the root schema: named in suggestions only. */
  readonly #known: readonly string[];
  readonly #rootDepth: number;
  constructor(known: readonly string[], rootDepth: number) {
    this.#known = known;
    this.#rootDepth = rootDepth;
  }

  visit(schema: z.ZodType, node: YamlNode, here: Here): Checked {
    const inner = unwrap(schema);
    const def = defOf(inner);
    if (def.type === 'object' && node.kind === 'map') return this.#object(schema, inner, node, here);
    if (def.type === 'record' && node.kind === 'map') return this.#record(schema, inner, node, here);
    if (def.type === 'array' && node.kind === 'seq') return this.#array(schema, inner, node, here);
    if (def.type === 'union') return this.#union(schema, inner, node, here);
    return this.#leaf(schema, node, here);
  }

  #object(schema: z.ZodType, inner: z.ZodType, node: MapNode, here: Here): Checked {
    const { shape = {}, catchall } = defOf(inner);
    const strict = catchall !== undefined && defOf(catchall).type === 'never';
    const findings: Finding[] = [];
    const value: Record<string, unknown> = {};
    const known = [...Object.keys(shape), ...(here.path.length === this.#rootDepth ? this.#known : [])];
    for (const entry of node.entries) {
      const field = Object.hasOwn(shape, entry.key) ? shape[entry.key] : undefined;
      const path = [...here.path, entry.key];
      if (field === undefined) {
        if (strict) findings.push({ kind: 'unknown-key', key: entry.key, keySpan: entry.keySpan, node: entry.value, known, path });
        else value[entry.key] = toPlain(entry.value);
        continue;
      }
      const checked = this.#entry(field, entry.key, entry.value, { path, keySpan: entry.keySpan });
      findings.push(...checked.findings);
      if (checked.value !== undefined) value[entry.key] = checked.value;
    }
    for (const [key, field] of Object.entries(shape)) {
      if (node.entries.some((e) => e.key === key)) continue;
      const absent = field.safeParse(undefined);
      if (absent.success) {
        if (absent.data !== undefined) value[key] = absent.data;
      } else findings.push({ kind: 'missing', key, node, keySpan: here.keySpan, path: [...here.path, key], schema: field });
    }
    return this.#settle(schema, node, here, value, findings);
  }

  #entry(field: z.ZodType, key: string, node: YamlNode, here: Here): Checked {
    if (node.kind === 'scalar' && node.value === null && !field.safeParse(null).success) {
      const span = here.keySpan ?? node.span;
      return { value: field.safeParse(undefined).data, findings: [{ kind: 'empty', key, span, path: here.path, schema: field }] };
    }
    return this.visit(field, node, here);
  }

  #record(schema: z.ZodType, inner: z.ZodType, node: MapNode, here: Here): Checked {
    const { keyType, valueType } = defOf(inner);
    const findings: Finding[] = [];
    const value: Record<string, unknown> = {};
    for (const entry of node.entries) {
      const path = [...here.path, entry.key];
      const goodKey = keyType?.safeParse(entry.key);
      if (goodKey !== undefined && !goodKey.success) {
        findings.push({ kind: 'bad-key', key: entry.key, keySpan: entry.keySpan, path, message: goodKey.error.issues[0]?.message ?? 'is not allowed' });
      }
      if (valueType === undefined) continue;
      const checked = this.#entry(valueType, entry.key, entry.value, { path, keySpan: entry.keySpan });
      findings.push(...checked.findings);
      if (checked.value !== undefined) value[entry.key] = checked.value;
    }
    return this.#settle(schema, node, here, value, findings);
  }

  #array(schema: z.ZodType, inner: z.ZodType, node: SeqNode, here: Here): Checked {
    const { element } = defOf(inner);
    const findings: Finding[] = [];
    const value: unknown[] = [];
    node.items.forEach((item, i) => {
      if (element === undefined) return;
      const checked = this.#entry(element, String(i), item, { path: [...here.path, i], keySpan: null });
      findings.push(...checked.findings);
      value.push(checked.value);
    });
    return this.#settle(schema, node, here, value, findings);
  }

  /** The branch somebody most likely meant; its findings are the ones told. */
  #union(schema: z.ZodType, inner: z.ZodType, node: YamlNode, here: Here): Checked {
    const { options = [], discriminator } = defOf(inner);
    const whole = schema.safeParse(toPlain(node));
    if (whole.success) return { value: whole.data, findings: [] };
    const fitting = options.filter((o) => rootFits(o, node));
    if (fitting.length === 0) return this.#leaf(schema, node, here);
    if (discriminator !== undefined && node.kind === 'map') {
      const written = toPlain(node.entries.find((e) => e.key === discriminator)?.value ?? { kind: 'scalar', value: null, span: node.span });
      const chosen = options.find((o) => shapeOf(o)[discriminator]?.safeParse(written).success);
      if (chosen !== undefined) return { ...this.visit(chosen, node, here), value: undefined };
      const field = combinedDiscriminator(options, discriminator);
      if (field !== null) return { value: undefined, findings: [field(node, here, discriminator)] };
    }
    let best: { checked: Checked; cost: number } | null = null;
    for (const option of fitting) {
      const checked = this.visit(option, node, here);
      const cost = checked.findings.reduce((sum, f) => sum + costOf(f), 0);
      if (best === null || cost < best.cost) best = { checked, cost };
    }
    if (best === null || best.checked.findings.length === 0) return this.#leaf(schema, node, here);
    return { value: undefined, findings: best.checked.findings };
  }

  #leaf(schema: z.ZodType, node: YamlNode, here: Here): Checked {
    const result = schema.safeParse(toPlain(node));
    if (result.success) return { value: result.data, findings: [] };
    return {
      value: undefined,
      findings: result.error.issues
        .slice(0, 1)
        .map((issue) => ({ kind: 'bad-value', node: deepest(node, issue.path), keySpan: here.keySpan, path: here.path, schema, issue })),
    };
  }

  /** Rules over the whole map or list run only once its parts are right. */
  #settle(schema: z.ZodType, node: YamlNode, here: Here, value: unknown, findings: readonly Finding[]): Checked {
    if (findings.length > 0) return { value, findings };
    const result = schema.safeParse(toPlain(node));
    if (result.success) return { value: result.data, findings };
    const told = result.error.issues.map((issue): Finding => {
      const keys = issue.path.map((k) => (typeof k === 'number' ? k : String(k)));
      return { kind: 'bad-value', node: deepest(node, issue.path), keySpan: here.keySpan, path: [...here.path, ...keys], schema, issue };
    });
    return { value, findings: told };
  }
}

function combinedDiscriminator(options: readonly z.ZodType[], key: string): ((node: MapNode, here: Here, key: string) => Finding) | null {
  const field = options.map((o) => shapeOf(o)[key]).find((f) => f !== undefined);
  if (field === undefined) return null;
  return (node, here) => {
    const entry = node.entries.find((e) => e.key === key);
    if (entry === undefined) return { kind: 'missing', key, node, keySpan: here.keySpan, path: [...here.path, key], schema: field };
    const values = options.flatMap((o) => allowedValues(shapeOf(o)[key]));
    return {
      kind: 'bad-value',
      node: entry.value,
      keySpan: entry.keySpan,
      path: [...here.path, key],
      schema: field,
      issue: { code: 'invalid_value', values, path: [], message: '', input: toPlain(entry.value) } as z.core.$ZodIssue,
    };
  };
}

/** Values of an enum or literal; empty for anything else. */
export function allowedValues(schema: z.ZodType | undefined): (string | number)[] {
  if (schema === undefined) return [];
  const def = defOf(unwrap(schema));
  if (def.entries !== undefined) return Object.values(def.entries);
  if (def.type === 'literal') return (def.values ?? []).filter((v): v is string | number => typeof v === 'string' || typeof v === 'number');
  if (def.options !== undefined) return def.options.flatMap(allowedValues);
  return [];
}

function rootFits(schema: z.ZodType, node: YamlNode): boolean {
  const { type, in: written } = defOf(unwrap(schema));
  if (type === 'pipe' && written !== undefined) return rootFits(written, node);
  if (type === 'union') return (defOf(unwrap(schema)).options ?? []).some((o) => rootFits(o, node));
  if (node.kind === 'map') return type === 'object' || type === 'record';
  if (node.kind === 'seq') return type === 'array' || type === 'tuple';
  if (typeof node.value === 'string') return type === 'string' || type === 'enum' || type === 'literal' || type === 'template_literal' || type === 'custom';
  if (typeof node.value === 'number')
    return type === 'number' || type === 'int' || (type === 'literal' && allowedValues(schema).some((v) => typeof v === 'number'));
  return typeof node.value === 'boolean' && type === 'boolean';
}

function costOf(finding: Finding): number {
  if (finding.kind === 'unknown-key') return finding.known.some((k) => distance(k, finding.key, 2) <= 2) ? 1 : 3;
  if (finding.kind === 'missing') return 1.5;
  return 1;
}

function deepest(node: YamlNode, path: readonly PropertyKey[]): YamlNode {
  let at = node;
  for (const key of path) {
    const next =
      at.kind === 'seq' && typeof key === 'number' ? at.items[key] : at.kind === 'map' ? at.entries.find((e) => e.key === String(key))?.value : undefined;
    if (next === undefined) return at;
    at = next;
  }
  return at;
}
