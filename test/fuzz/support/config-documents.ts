/** Configuration files, right and wrong, grown from the examples. */
import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import type { Draw } from './draw.ts';
import { mutateValue } from './mutate-json.ts';
import { mutateText } from './mutate-text.ts';
import { oddText } from './words.ts';
import { writeYaml } from './write-yaml.ts';

type Tree = Record<string, unknown>;

const read = (path: string): string => readFileSync(new URL(`../../../${path}`, import.meta.url), 'utf8');
const WHOLE = ['examples/minimal', 'examples/exec', 'examples/haproxy-prometheus', 'examples/full', 'test/typo/good'].map((path) =>
  read(`${path}.drover.yaml`),
);
const FULL = parse(WHOLE[3] as string) as Tree & {
  clouds: Tree;
  sources: Tree;
  templates: Tree;
  balancers: Tree;
  receivers: Tree;
  notify: Tree;
  groups: { web: Tree };
};
const WEB = FULL.groups.web;

/** What belongs together: fields of a group, and the sections they need. Whole files take too long to be tried by the hundred thousand. */
interface Snippet {
  readonly group?: Tree;
  readonly file?: Tree;
}
const part = (of: unknown, ...keys: readonly string[]): Tree => Object.fromEntries(keys.map((key) => [key, (of as Tree)[key]]));
const rps: Snippet = { group: { metrics: part(WEB['metrics'], 'rps', 'edge-rps') }, file: { sources: part(FULL.sources, 'prom', 'edge-stats') } };
const jobs: Snippet = { group: { metrics: part(WEB['metrics'], 'jobs') }, file: { sources: part(FULL.sources, 'queue') } };
const policy = (n: number): unknown => (WEB['policies'] as readonly unknown[])[n];

const SNIPPETS: readonly Snippet[] = [
  { ...rps, group: { ...rps.group, policies: [policy(0)] } },
  {
    ...rps,
    group: {
      ...rps.group,
      policies: [
        {
          type: 'step',
          metric: 'rps',
          steps: [
            { above: 100, for: '1m', change: 2 },
            { below: '20%', change: '-10%' },
          ],
        },
      ],
    },
  },
  { ...jobs, group: { ...jobs.group, policies: [{ type: 'formula', formula: 'max(jobs, 1) * 2 + (jobs > 3 ? 1 : 0)', per_instance: 50 }] } },
  { group: { target: { query: 'sum(x)', per_instance: 200, if_missing: { floor: 4 } } }, file: { prometheus: 'http://127.0.0.1:9090' } },
  { group: { target: { cpu: '60%', job: 'web' } }, file: { prometheus: 'http://127.0.0.1:9090' } },
  { group: { policies: [policy(3)] } },
  { group: { policies: [policy(4)] }, file: { receivers: part(FULL.receivers, 'alertmanager') } },
  { group: { policies: [policy(5)] }, file: { receivers: part(FULL.receivers, 'pager', 'grafana') } },
  { group: { limits: part(WEB['limits'], 'scale_out', 'scale_in', 'collapse_guard') } },
  { group: { limits: part(WEB['limits'], 'budget', 'launches_per_hour', 'brake'), price: '0.01 EUR/h' } },
  { group: { limits: part(WEB['limits'], 'destruction', 'approve', 'flap_check') } },
  { group: part(WEB, 'health') },
  { group: { health: '/up', evaluate_every: '10s', mode: 'observe', initial: 3 } },
  { group: part(WEB, 'lifecycle', 'naming') },
  { group: { hooks: part(WEB['hooks'], 'before_attach') } },
  { group: { hooks: part(WEB['hooks'], 'before_delete') } },
  { group: part(WEB, 'freezes') },
  { group: { notify: ['ops'] }, file: { notify: part(FULL.notify, 'ops') } },
  { group: { notify: 'mail' }, file: { notify: part(FULL.notify, 'mail', 'hook') } },
  { group: part(WEB, 'balancer'), file: { balancers: FULL.balancers } },
  {
    group: {
      balancer: [
        { haproxy: '/a.sock', backend: 'web', port: 80 },
        { haproxy: { address: '127.0.0.1:1' }, backend: 'web' },
      ],
    },
  },
  {
    group: { template: 'web-vm', cloud: null, spread: { locations: ['a', 'b'] } },
    file: { templates: part(FULL.templates, 'web-vm'), clouds: part(FULL.clouds, 'mine') },
  },
  { group: { template: 'worker', cloud: null }, file: { templates: part(FULL.templates, 'worker'), clouds: part(FULL.clouds, 'here') } },
  { file: part(FULL, 'server') },
  { file: part(FULL, 'defaults') },
  { file: { server: { listen: '0.0.0.0:1', tls: { cert: 'a', key: 'b' } } } },
];
const KEYS = [...keysIn(FULL)];

function keysIn(value: unknown, found = new Set<string>()): Set<string> {
  if (typeof value !== 'object' || value === null) return found;
  for (const [key, inner] of Object.entries(value)) {
    if (!Array.isArray(value)) found.add(key);
    keysIn(inner, found);
  }
  return found;
}

function add(to: Tree, more: Tree): void {
  for (const [key, value] of Object.entries(more)) {
    const old = to[key];
    if (Array.isArray(old) && Array.isArray(value)) to[key] = [...old, ...value];
    else if (typeof old === 'object' && old !== null && typeof value === 'object' && value !== null) to[key] = { ...old, ...value };
    else if (value === null) delete to[key];
    else to[key] = value;
  }
}

/** A valid one, as often as what it picks fits together. */
function grow(draw: Draw): Tree {
  const group: Tree = { cloud: 'local', template: { command: ['./web'] }, min: draw.below(3), max: draw.between(3, 40) };
  const file: Tree = { version: 1, groups: { web: group } };
  for (let n = draw.below(4); n > 0; n--) {
    const snippet = draw.pick(SNIPPETS);
    add(group, snippet.group ?? {});
    if (!draw.oneIn(12)) add(file, snippet.file ?? {});
  }
  return structuredClone(file);
}

/** A key moves into another map, or takes another key's name: the slips that a schema must find. */
function misplace(tree: Tree, draw: Draw): void {
  const maps: Tree[] = [];
  const collect = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return;
    if (!Array.isArray(value)) maps.push(value as Tree);
    for (const inner of Object.values(value)) collect(inner);
  };
  collect(tree);
  const [from, to] = [draw.pick(maps), draw.pick(maps)];
  const key = draw.pick(Object.keys(from));
  if (key === undefined) return;
  const value = from[key];
  if (draw.oneIn(2)) delete from[key];
  Object.defineProperty(draw.oneIn(2) ? from : to, draw.oneIn(2) ? draw.pick(KEYS) : key, {
    value: structuredClone(value),
    writable: true,
    enumerable: true,
    configurable: true,
  });
}

const TOKENS = [
  'version',
  'groups',
  ': ',
  '- ',
  '\n',
  '\n  ',
  '\n    ',
  '{',
  '}',
  '[',
  ']',
  ', ',
  '&a ',
  '*a',
  '<<: ',
  '!!',
  '!',
  '|',
  '>',
  "'",
  '"',
  '#',
  '---',
  '...',
  '%YAML 1.1',
  '?',
  '\t',
  '~',
  '1',
  '0.5',
  '30s',
  '60%',
  '__proto__',
  'a',
  '\\',
  '@',
  '`',
  '=',
  '\r\n',
  '\u0085',
  '\u2028',
  '\ufeff',
] as const;

function soup(draw: Draw): string {
  return draw.list(draw.between(1, 60), () => (draw.oneIn(5) ? draw.pick(KEYS) : draw.oneIn(12) ? oddText(draw) : draw.pick(TOKENS))).join('');
}

/** What is made to take long or much: nesting, aliases of aliases, many keys, long lines. */
function bomb(draw: Draw): string {
  const n = draw.oneIn(16) ? 8000 : draw.pick([10, 100, 1000]);
  switch (draw.below(9)) {
    case 0:
      return `a: ${draw.pick(['[', '{', '{a: ', '- ', '? ', '!!'])}`.repeat(n);
    case 1:
      return draw.pick(['- ', '? ', '-\t', '- - ', '> ', '[', '{"a":']).repeat(n);
    case 2:
      return `a0: &a0 [x]\n${draw
        .list(draw.pick([5, 12, 40]), () => 0)
        .map((_, i) => `a${i + 1}: &a${i + 1} [*a${i}, *a${i}, *a${i}]`)
        .join('\n')}\n`;
    case 3:
      return `groups:\n${draw
        .list(Math.min(n, 1000), () => 0)
        .map((_, i) => `  g${i}: { <<: *a, max: ${i} }`)
        .join('\n')}\n`;
    case 4:
      return `${draw
        .list(Math.min(n, 3000), () => 0)
        .map((_, i) => `k${draw.oneIn(3) ? 0 : i}: ${i}`)
        .join('\n')}\n`;
    case 5:
      return (
        `version: 1\nx: ${draw.pick(['"', "'", '|\n  ', '', '!!str ', '&'])}${draw.pick(['a', ' ', '\\', '"', '{{', '\u00e9', '\n  '])}`.repeat(1) +
        draw.pick(['a', ' ', '\\\\', "''", ': ', '# ']).repeat(n)
      );
    case 6:
      return draw.list(Math.min(n, 2000), () => ' '.repeat(draw.below(64)) + draw.pick(['a:', '- a', 'a: b', '- - b:'])).join('\n');
    case 7:
      return `${'\n'.repeat(n)}${' '.repeat(n)}a: 1\n`;
    default:
      return `groups: { web: { ${'max: 1, '.repeat(Math.min(n, 1000))} } }`;
  }
}

/** One text. Small mostly: the loader's time is what limits how many can be tried. */
export function configText(draw: Draw): string {
  const kind = draw.below(100);
  if (kind < 20) return soup(draw);
  if (kind < 21) return draw.oneIn(3) ? mutateText(draw.pick(WHOLE), draw, draw.pick(WHOLE)) : bomb(draw);
  const tree = grow(draw);
  if (kind < 28) return writeYaml(tree, { draw, oddOneIn: 0 });
  if (kind < 50) misplace(tree, draw);
  const changed = kind < 40 ? tree : mutateValue(tree, draw, 1 + draw.few(3));
  const text = writeYaml(changed, { draw, oddOneIn: kind < 55 ? 0 : 12 });
  return kind < 70 ? text : mutateText(text, draw);
}
