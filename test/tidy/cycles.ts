import { allImports } from './imports.ts';
import type { Rule } from './project.ts';

/** The shortest way from `start` back to itself, or null. */
function shortestCycle(graph: ReadonlyMap<string, readonly string[]>, start: string): string[] | null {
  const cameFrom = new Map<string, string>();
  const queue = [start];
  for (let at = queue.shift(); at !== undefined; at = queue.shift()) {
    for (const next of graph.get(at) ?? []) {
      if (next === start) {
        const way = [start];
        for (let back: string | undefined = at; back !== undefined && back !== start; back = cameFrom.get(back)) way.push(back);
        return [...way, start].reverse();
      }
      if (!cameFrom.has(next)) {
        cameFrom.set(next, at);
        queue.push(next);
      }
    }
  }
  return null;
}

/** Lazy imports are left out only in the registry's sense: a driver folder never leads back to app, which the import table already holds. */
export const noCycles: Rule = {
  name: 'no import cycles, type imports included',
  check(project) {
    const graph = new Map<string, string[]>();
    for (const each of allImports(project)) if (each.target !== null) graph.set(each.from, [...(graph.get(each.from) ?? []), each.target]);
    const told = new Set<string>();
    return [...graph.keys()].toSorted().flatMap((path) => {
      if (told.has(path)) return [];
      const cycle = shortestCycle(graph, path);
      if (cycle === null) return [];
      for (const member of cycle) told.add(member);
      return [{ path, line: null, message: `is in a cycle: ${cycle.join(' → ')}. Move what both need to the lower of them, or to a file of its own` }];
    });
  },
  bad: {
    'two files': { 'src/core/a.ts': "import { b } from './b.ts';", 'src/core/b.ts': "import { a } from './a.ts';" },
    'by types only': {
      'src/core/a.ts': "import type { B } from './b.ts';",
      'src/core/b.ts': "import type { C } from './c.ts';",
      'src/core/c.ts': "export type { A } from './a.ts';",
    },
    'a file and itself': { 'src/core/a.ts': "import { x } from './a.ts';" },
  },
  good: {
    'a diamond': {
      'src/core/a.ts': "import { b } from './b.ts'; import { c } from './c.ts';",
      'src/core/b.ts': "import { d } from './d.ts';",
      'src/core/c.ts': "import { d } from './d.ts';",
      'src/core/d.ts': 'export const d = 1;',
    },
  },
};
