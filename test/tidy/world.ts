/** Time, randomness, the network, the process and Node's modules come in through platform and ports, so that the engine runs on virtual time. */
import { importsOf } from './imports.ts';
import { layerOf } from './layers.ts';
import { type File, type Finding, lineOf, type Node, type Rule, sources, tree, visit } from './project.ts';

type Power = 'time' | 'chance' | 'network' | 'process' | 'node';

/** Who may do without the port, and nobody else. */
const MAY: Readonly<Record<string, readonly Power[]>> = {
  platform: ['time', 'chance', 'network', 'process', 'node'],
  emulators: ['time', 'chance', 'network', 'process', 'node'],
  // Contract suites run in a test runner and poll with deadlines.
  testing: ['time', 'chance', 'network', 'process', 'node'],
  // The terminal: arguments, exit code, streams, keys, size.
  cli: ['process', 'node'],
  // Signals and the exit code of the program it wires.
  app: ['process'],
};

/** The demo plays the world around the controller: it starts programs, makes load, reads keys and a watch. */
const DEMO = 'src/app/demo/';

function powersOf(path: string): readonly Power[] {
  return path.startsWith(DEMO) ? (MAY['platform'] ?? []) : (MAY[layerOf(path)] ?? []);
}

/** Single Node modules for single folders, with the reason. */
const NODE_MODULES: Readonly<Record<string, readonly string[]>> = {
  // The database of the embedded store is part of Node.
  'drivers/stores/sqlite': ['node:sqlite'],
};

const INSTEAD: Readonly<Record<Power, string>> = {
  time: 'take a Clock (ports/clock.ts): wall() for the date, mono() for durations, sleep() and after() for waiting',
  chance: 'take a Random (ports/clock.ts), or Secrets.random for what nobody may guess',
  network: 'take Http or Sockets (ports): they carry deadlines, limits and redaction',
  process: 'take what you need as a parameter; app passes it in',
  node: 'take the port (Files, Processes, Sockets, Http, Secrets); platform is the only place that touches Node',
};

const GLOBALS: Readonly<Record<string, Power>> = {
  performance: 'time',
  setTimeout: 'time',
  setInterval: 'time',
  setImmediate: 'time',
  clearTimeout: 'time',
  clearInterval: 'time',
  crypto: 'chance',
  fetch: 'network',
  WebSocket: 'network',
  EventSource: 'network',
  XMLHttpRequest: 'network',
  process: 'process',
};
const MEMBERS: Readonly<Record<string, Power>> = { 'Date.now': 'time', 'AbortSignal.timeout': 'time', 'Math.random': 'chance' };
const TRANSPARENT = new Set([
  'TSAsExpression',
  'TSNonNullExpression',
  'TSSatisfiesExpression',
  'TSTypeAssertion',
  'TSExportAssignment',
  'TSInstantiationExpression',
]);
const NAMED_FIELDS = new Set(['key', 'label', 'meta', 'imported', 'exported']);

function name(node: unknown): string | null {
  const identifier = node as { type?: string; name?: unknown } | null | undefined;
  return identifier?.type === 'Identifier' && typeof identifier.name === 'string' ? identifier.name : null;
}

/** Names the file declares itself: a parameter called `fetch` is not the global one. */
function declared(file: File): Set<string> {
  const names = new Set<string>();
  const bind = (pattern: unknown): void => {
    const node = pattern as Node | null;
    if (node === null || typeof node !== 'object') return;
    const own = name(node);
    if (own !== null) names.add(own);
    for (const field of ['argument', 'left', 'value', 'parameter']) if (node[field] !== undefined && node.type !== 'Literal') bind(node[field]);
    for (const field of ['elements', 'properties']) for (const each of (node[field] as Node[] | undefined) ?? []) bind(each);
  };
  visit(tree(file), (node, parent, field) => {
    if (node.type === 'VariableDeclarator') bind(node['id']);
    if (field === 'params' && !parent?.type.startsWith('TS')) bind(node);
    if (node.type === 'CatchClause') bind(node['param']);
    if (field === 'specifiers' && parent?.type === 'ImportDeclaration') bind(node['local']);
    if (/^(Function|Class)(Declaration|Expression)$/.test(node.type)) bind(node['id']);
  });
  return names;
}

function isValue(parent: Node | null, field: string): boolean {
  if (parent === null || parent.type === 'ImportSpecifier' || parent.type === 'ExportSpecifier') return false;
  if (parent.type.startsWith('TS') && !TRANSPARENT.has(parent.type)) return false;
  if (field === 'property' && parent.type === 'MemberExpression') return parent['computed'] === true;
  return !NAMED_FIELDS.has(field) || parent['computed'] === true;
}

/** What this node takes from the world past the ports: how it is written, and which power that is. */
function taken(node: Node, parent: Node | null, field: string, own: ReadonlySet<string>): [string, Power] | null {
  if (node.type === 'MemberExpression') {
    const object = name(node['object']);
    const property = name(node['property']);
    if (object === 'globalThis' && property !== null && GLOBALS[property] !== undefined) return [`globalThis.${property}`, GLOBALS[property]];
    const power = MEMBERS[`${object}.${property}`];
    return power === undefined || object === null || own.has(object) ? null : [`${object}.${property}`, power];
  }
  if (node.type === 'NewExpression' || node.type === 'CallExpression') {
    const bare = name(node['callee']) === 'Date' && !own.has('Date');
    const empty = (node['arguments'] as unknown[]).length === 0;
    return bare && (empty || node.type === 'CallExpression') ? ['the current Date', 'time'] : null;
  }
  const global = name(node);
  if (global === null || own.has(global) || !isValue(parent, field)) return null;
  const power = Object.hasOwn(GLOBALS, global) ? GLOBALS[global] : undefined;
  return power === undefined ? null : [global, power];
}

function findGlobals(file: File): Finding[] {
  const may = powersOf(file.path);
  const own = declared(file);
  const found: Finding[] = [];
  visit(tree(file), (node, parent, field) => {
    const [what, power] = taken(node, parent, field, own) ?? [];
    if (what === undefined || power === undefined || may.includes(power)) return;
    found.push({ path: file.path, line: lineOf(file, node.start), message: `uses ${what}. Instead: ${INSTEAD[power]}` });
  });
  return found;
}

export const worldThroughPorts: Rule = {
  name: 'clocks, timers, randomness, the network and the process come in through ports',
  check: (project) => sources(project).flatMap(findGlobals),
  bad: {
    'Date.now': { 'src/engine/due.ts': 'export const now = () => Date.now();' },
    'new Date()': { 'src/core/decide.ts': 'export const now = new Date();' },
    'Date as a function': { 'src/core/decide.ts': 'export const now = Date();' },
    'a timer': { 'src/engine/due.ts': 'setTimeout(() => {}, 10);' },
    'a timer handed on': { 'src/engine/due.ts': 'export const wait = setTimeout;' },
    performance: { 'src/engine/due.ts': 'export const t = performance.now();' },
    'AbortSignal.timeout': { 'src/drivers/sources/http/http.ts': 'export const s = AbortSignal.timeout(5);' },
    'Math.random': { 'src/core/decide.ts': 'export const r = Math.random();' },
    'crypto.randomUUID': { 'src/kit/id.ts': 'export const id = crypto.randomUUID();' },
    fetch: { 'src/drivers/sources/http/http.ts': "await fetch('http://x');" },
    'fetch in a field': { 'src/drivers/sources/http/http.ts': 'export const io = { fetch };' },
    'globalThis.fetch': { 'src/kit/http.ts': "await globalThis.fetch('http://x');" },
    'the environment': { 'src/config/read.ts': "export const e = process.env['HOME'];" },
    'time in app': { 'src/app/wire.ts': 'export const t = Date.now();' },
  },
  good: {
    'ports, and names that only look alike': {
      'src/engine/due.ts':
        'export function due(clock: { wall(): number; setTimeout: number }, fetch: () => void) { fetch(); return clock.wall() + clock.setTimeout; }',
      'src/core/text.ts':
        "// Date.now() in a comment\nexport const s = 'Date.now()'; export const d = new Date(5).toISOString(); export interface P { process: string; fetch(): void }",
      'src/core/life.ts': 'export const life = { process: 1, performance: 2 }; export type T = typeof life;',
      'src/platform/clock.ts': 'export const wall = () => Date.now(); setTimeout(() => {}, 1);',
      'src/cli/main.ts': 'process.exitCode = 1;',
      'src/engine/due.test.ts': 'await fetch(String(Date.now()));',
    },
  },
};

export const nodeOnlyInPlatform: Rule = {
  name: "Node's own modules are imported in platform and emulators only",
  check: (project) =>
    sources(project).flatMap((file) => {
      const layer = layerOf(file.path);
      if (powersOf(file.path).includes('node')) return [];
      return importsOf(file)
        .filter((each) => each.specifier.startsWith('node:') && !(NODE_MODULES[layer] ?? []).includes(each.specifier))
        .map((each) => ({ path: file.path, line: each.line, message: `imports ${each.specifier}. Instead: ${INSTEAD.node}` }));
    }),
  bad: {
    'files in a driver': { 'src/drivers/clouds/local/local.ts': "import { readFileSync } from 'node:fs';" },
    'a type': { 'src/core/plan.ts': "import type { Server } from 'node:http';" },
    'in app': { 'src/app/wire.ts': "import { createServer } from 'node:http';" },
    'a lazy one': { 'src/kit/sign.ts': "await import('node:crypto');" },
    'another module in the store': { 'src/drivers/stores/sqlite/sqlite.ts': "import { rmSync } from 'node:fs';" },
  },
  good: {
    'where they belong': {
      'src/platform/files.ts': "import { readFileSync } from 'node:fs';",
      'src/drivers/stores/sqlite/sqlite.ts': "import { DatabaseSync } from 'node:sqlite';",
      'src/emulators/web/main.ts': "import { createServer } from 'node:http';",
    },
  },
};

/** Well defined on every machine, so that a decision replays to the bit. */
const ARITHMETIC = new Set(['abs', 'ceil', 'exp', 'floor', 'log', 'max', 'min', 'round', 'sign', 'sqrt', 'trunc']);
const LOCAL = new Set([
  'localeCompare',
  'toLocaleString',
  'toLocaleUpperCase',
  'toLocaleLowerCase',
  'getTimezoneOffset',
  'getHours',
  'getDay',
  'getDate',
  'getMonth',
]);

export const plainArithmetic: Rule = {
  name: 'the core computes the same on every machine',
  check: (project) =>
    sources(project)
      .filter((file) => layerOf(file.path) === 'core')
      .flatMap((file) => {
        const found: Finding[] = [];
        const tell = (node: Node, message: string) => found.push({ path: file.path, line: lineOf(file, node.start), message });
        visit(tree(file), (node, parent, field) => {
          if (name(node) === 'Intl' && isValue(parent, field))
            tell(node, 'uses Intl. Calendars and time zones are resolved to UTC instants before the snapshot (kit)');
          if (node.type !== 'MemberExpression') return;
          const property = name(node['property']) ?? '';
          if (name(node['object']) === 'Math' && property !== 'random' && !ARITHMETIC.has(property)) {
            tell(node, `uses Math.${property}, which may differ between machines. There are: ${[...ARITHMETIC].join(', ')}`);
          }
          if (LOCAL.has(property)) tell(node, `uses ${property}, which depends on the machine's language or time zone. Compare code units (<), keep UTC`);
        });
        return found;
      }),
  bad: {
    'Math.pow': { 'src/core/forecast/fit.ts': 'export const x = Math.pow(2, 0.5);' },
    Intl: { 'src/core/calendar/zone.ts': "export const f = new Intl.DateTimeFormat('en');" },
    'a local order': { 'src/core/choose.ts': "export const c = 'a'.localeCompare('b');" },
  },
  good: {
    plain: { 'src/core/plan.ts': 'export const x = Math.ceil(Math.sqrt(2)) + Math.max(1, 2);', 'src/kit/calendar.ts': "new Intl.DateTimeFormat('en');" },
  },
};
