import type { GroupSpec } from './model/group.ts';
import type { Json } from './model/json.ts';
import type { PolicyTable } from './policies/policies.ts';
import type { PolicyDefinition } from './policies/policy.ts';

export interface PreparedPolicy {
  readonly name: string;
  readonly type: string;
  readonly advisory: boolean;
  readonly options: Json;
  /** Null: no such type. */
  readonly definition: PolicyDefinition | null;
}

/** What a group's specification means to the cycle, worked out once per version of it. */
export interface Prepared {
  readonly policies: readonly PreparedPolicy[];
  /** Metrics of policies that may move the group, each once. */
  readonly usedMetrics: readonly string[];
}

// Memoised by identity: a specification is immutable, so this changes how fast an answer comes and never which.
const cache = new WeakMap<GroupSpec, { readonly table: PolicyTable; readonly prepared: Prepared }>();

export function prepare(spec: GroupSpec, table: PolicyTable): Prepared {
  const known = cache.get(spec);
  if (known?.table === table) return known.prepared;
  const used = new Set<string>();
  const policies = spec.policies.map(({ name, type, advisory, options }): PreparedPolicy => {
    const definition = Object.hasOwn(table, type) ? (table[type] ?? null) : null;
    if (definition !== null && !advisory) for (const metric of definition.metricsOf(options)) used.add(metric);
    return { name, type, advisory, options, definition };
  });
  const prepared = { policies, usedMetrics: [...used] };
  cache.set(spec, { table, prepared });
  return prepared;
}
