/** Reads a V8 CPU profile: which functions of the project the time was spent in. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

interface Profile {
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number };
    readonly children?: readonly number[];
  }[];
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

export interface HotSpot {
  readonly where: string;
  readonly selfPercent: number;
  readonly totalPercent: number;
}

const ROOT = fileURLToPath(new URL('..', import.meta.url));

/** The `most` hottest functions by their own time, with their share of all time that was not idle. */
export function hotSpots(file: string, most: number): HotSpot[] {
  const profile = JSON.parse(readFileSync(file, 'utf8')) as Profile;
  const byId = new Map(profile.nodes.map((node) => [node.id, node]));
  const parents = new Map(profile.nodes.flatMap((node) => (node.children ?? []).map((child) => [child, node.id] as const)));
  const nameOf = (id: number): string => {
    const frame = byId.get(id)?.callFrame;
    if (!frame) return '?';
    const path = frame.url.startsWith('file:') ? fileURLToPath(frame.url).replace(ROOT, '') : frame.url;
    return `${frame.functionName || '(anonymous)'} ${path === '' ? '' : `${path}:${frame.lineNumber + 1}`}`.trim();
  };
  const self = new Map<string, number>();
  const total = new Map<string, number>();
  let sum = 0;
  profile.samples.forEach((id, i) => {
    const name = nameOf(id);
    if (name === '(idle)') return;
    const took = profile.timeDeltas[i] ?? 0;
    sum += took;
    self.set(name, (self.get(name) ?? 0) + took);
    const seen = new Set<string>();
    for (let at: number | undefined = id; at !== undefined; at = parents.get(at)) seen.add(nameOf(at));
    for (const each of seen) total.set(each, (total.get(each) ?? 0) + took);
  });
  return [...self]
    .toSorted((a, b) => b[1] - a[1])
    .slice(0, most)
    .map(([where, took]) => ({ where, selfPercent: (100 * took) / sum, totalPercent: (100 * (total.get(where) ?? 0)) / sum }));
}
