/** Which file imports what, read from the syntax tree; type imports too. */
import { type File, lineOf, type Node, type Project, sources, tree, visit } from './project.ts';

export interface Import {
  readonly from: string;
  readonly line: number;
  /** As written. */
  readonly specifier: string;
  /** Path from the root for a relative import; null for a package or a Node module. */
  readonly target: string | null;
  /** Erased before anything runs. */
  readonly typeOnly: boolean;
  /** `await import(…)`. */
  readonly lazy: boolean;
}

/** `./b.ts` seen from `src/a/c.ts` → `src/a/b.ts`. */
export function resolve(from: string, specifier: string): string | null {
  if (!specifier.startsWith('.')) return null;
  const parts = from.split('/').slice(0, -1);
  for (const part of specifier.split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '.') parts.push(part);
  }
  return parts.join('/');
}

/** The package a specifier belongs to: `@fastify/swagger`, `kysely` for `kysely/migration`; null for relative and Node ones. */
export function packageOf(specifier: string): string | null {
  if (specifier.startsWith('.') || specifier.startsWith('node:')) return null;
  const parts = specifier.split('/');
  return specifier.startsWith('@') ? parts.slice(0, 2).join('/') : (parts[0] ?? null);
}

function literal(node: unknown): string | null {
  const value = (node as { value?: unknown } | null | undefined)?.value;
  return typeof value === 'string' ? value : null;
}

function allTypes(node: Node): boolean {
  const list = (node['specifiers'] ?? []) as Node[];
  return list.length > 0 && list.every((each) => each['importKind'] === 'type' || each['exportKind'] === 'type');
}

export function importsOf(file: File): Import[] {
  const found: Import[] = [];
  visit(tree(file), (node) => {
    const specifier = literal(node['source']);
    if (specifier === null) return;
    const base = { from: file.path, line: lineOf(file, node.start), specifier, target: resolve(file.path, specifier) };
    if (node.type === 'ImportExpression') found.push({ ...base, typeOnly: false, lazy: true });
    else if (node.type === 'TSImportType') found.push({ ...base, typeOnly: true, lazy: false });
    else if (node.type === 'ImportDeclaration') found.push({ ...base, typeOnly: node['importKind'] === 'type' || allTypes(node), lazy: false });
    else if (node.type === 'ExportAllDeclaration' || node.type === 'ExportNamedDeclaration') {
      found.push({ ...base, typeOnly: node['exportKind'] === 'type' || allTypes(node), lazy: false });
    }
  });
  return found;
}

export function allImports(project: Project): Import[] {
  return sources(project).flatMap(importsOf);
}
