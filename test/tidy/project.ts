/** The files of the project as the rules see them: text, and for sources the syntax tree. A rule works on any such project, also a made-up one. */
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseTypeScript } from './parse.ts';

export interface File {
  /** From the root, with forward slashes. */
  readonly path: string;
  readonly text: string;
}

export interface Project {
  readonly files: readonly File[];
}

/** What a rule found: where, and in words that say what to do instead. */
export interface Finding {
  readonly path: string;
  /** From 1; null when it concerns the whole file. */
  readonly line: number | null;
  readonly message: string;
}

export interface Rule {
  readonly name: string;
  check(project: Project): Finding[];
  /** Made-up projects in which the rule must find something: proof that it can fail. */
  readonly bad: Readonly<Record<string, Readonly<Record<string, string>>>>;
  /** Made-up projects it must leave alone. */
  readonly good: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

export interface Node {
  readonly type: string;
  readonly start: number;
  readonly [key: string]: unknown;
}

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
/** Never committed (see .gitignore), or not written by people. */
const SKIPPED = new Set(['node_modules', 'dist', '.git', '.cache', 'coverage', 'tmp']);
const TEXT = /(\.(ts|tsx|mjs|js|json|md|ya?ml|css|html|sh|svg|txt|toml|cfg|service|conf)|\/(run|LICENSE|Dockerfile|\.[a-z]+))$/;

function walkFolder(folder: string, files: File[]): void {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory() && !SKIPPED.has(entry.name)) walkFolder(path, files);
    else if (entry.isFile() && TEXT.test(path) && !/\.(log|tgz)$/.test(path))
      files.push({ path: relative(ROOT, path).replaceAll('\\', '/'), text: readFileSync(path, 'utf8') });
  }
}

export function readProject(): Project {
  const files: File[] = [];
  walkFolder(ROOT, files);
  return { files: files.toSorted((a, b) => (a.path < b.path ? -1 : 1)) };
}

export function makeProject(files: Readonly<Record<string, string>>): Project {
  return { files: Object.entries(files).map(([path, text]) => ({ path, text })) };
}

export function isTest(path: string): boolean {
  return /\.test\.(ts|mjs)$/.test(path) || path.startsWith('test/');
}

/** TypeScript below src/, tests apart. */
export function sources(project: Project): File[] {
  return project.files.filter((file) => file.path.startsWith('src/') && /\.tsx?$/.test(file.path) && !isTest(file.path));
}

const trees = new WeakMap<File, Node>();

export function tree(file: File): Node {
  let parsed = trees.get(file);
  if (parsed === undefined) {
    parsed = parseTypeScript(file.text, file.path.endsWith('x') ? 'tsx' : 'ts') as Node;
    trees.set(file, parsed);
  }
  return parsed;
}

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && typeof (value as { type?: unknown }).type === 'string';
}

/** Calls back for every node with the node above it and the name of the field it stands in. */
export function visit(node: Node, see: (node: Node, parent: Node | null, field: string) => void, parent: Node | null = null, field = ''): void {
  see(node, parent, field);
  for (const [key, value] of Object.entries(node)) {
    if (Array.isArray(value)) for (const each of value) if (isNode(each)) visit(each, see, node, key);
    if (isNode(value)) visit(value, see, node, key);
  }
}

export function lineOf(file: File, offset: number): number {
  let line = 1;
  for (let i = file.text.indexOf('\n'); i !== -1 && i < offset; i = file.text.indexOf('\n', i + 1)) line++;
  return line;
}

export function show(finding: Finding): string {
  return `${finding.path}${finding.line === null ? '' : `:${finding.line}`}  ${finding.message}`;
}
