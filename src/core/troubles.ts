import type { Decision } from './model/decision.ts';
import type { InstanceView } from './model/instance.ts';
import type { BlockedCode } from './model/reasons.ts';
import type { Snapshot, Trouble } from './model/snapshot.ts';

/** Steps that fail now, as the record tells them: a few, equal ones as one, in an order that does not hang on the snapshot's. */

const MOST = 3;
const LONGEST = 300;

export function tellTroubles(snapshot: Snapshot): Decision['blocked'] {
  const { troubles } = snapshot;
  if (troubles === undefined || troubles.length === 0) return [];
  const leaving = new Set(snapshot.instances.filter((i) => !joins(i)).map((i) => i.id));
  const alike = new Map<string, Trouble[]>();
  for (const t of [...troubles].sort(byContent)) {
    const key = `${t.code} ${t.detail} ${leaving.has(t.instance)}`;
    const before = alike.get(key);
    if (before === undefined) alike.set(key, [t]);
    else before.push(t);
  }
  const told: { code: BlockedCode; detail: string; nextTryMs: number | null }[] = [];
  for (const same of alike.values()) {
    if (told.length === MOST) break;
    const { code, instance } = same[0] as Trouble;
    const names = new Set(same.map((t) => t.instance)).size;
    const who = names === 1 ? instance : `${instance} and ${names - 1} more`;
    told.push({ code, detail: words(same[0] as Trouble, who, leaving.has(instance)), nextTryMs: earliest(same) });
  }
  return told;
}

function joins(i: InstanceView): boolean {
  return i.state !== 'draining' && i.state !== 'terminating';
}

function words({ code, detail }: Trouble, who: string, leaves: boolean): string {
  const text = detail.length > LONGEST ? `${detail.slice(0, LONGEST)}…` : detail;
  if (code === 'BLOCKED_BALANCER') return `${who} cannot ${leaves ? 'leave' : 'join'} the balancer: ${text}`;
  if (code === 'BLOCKED_HOOK') return `a hook of ${who} fails: ${text}`;
  return code === 'BLOCKED_BOOT' ? `${who} cannot become healthy: ${text}` : `${who}: ${text}`;
}

function earliest(list: readonly Trouble[]): number | null {
  let found: number | null = null;
  for (const { nextTryMs } of list) if (nextTryMs !== null && (found === null || nextTryMs < found)) found = nextTryMs;
  return found;
}

function compare(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
function byContent(a: Trouble, b: Trouble): number {
  return compare(a.code, b.code) || compare(a.detail, b.detail) || compare(a.instance, b.instance) || (a.nextTryMs ?? 0) - (b.nextTryMs ?? 0);
}
