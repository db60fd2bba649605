/** The list of crash points is the one of the source, and a new one cannot be forgotten. */
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ahead, LABELS } from './labels.ts';

const ROOT = join(import.meta.dirname, '../..');
/** The simulator crashes processes of its own; the memory store is not the one of the product. */
const ELSEWHERE = /^src\/(sim|testing)\/|\.test\.ts$/;

/** The first argument of every call of `crash`, as it is written. */
function crashCalls(text: string): string[] {
  return [...text.matchAll(/\bcrash\((?!label: string\))([^)]*)\)/g)].map((found) => found[1] ?? '');
}

/** Kinds of steps, from their type. */
function stepKinds(): string[] {
  const type = /export type StepKind =([^;]*);/.exec(readFileSync(join(ROOT, 'src/ports/store.ts'), 'utf8'))?.[1] ?? '';
  return [...type.matchAll(/'([\w-]+)'/g)].map((found) => found[1] ?? '');
}

/** A step that makes no call of its own passes no crash point. */
const WITHOUT_CALL = ['warm'];

/** Labels of one argument; an argument that cannot be read is returned as it is, so that nothing is passed over. */
function labelsOf(argument: string, kinds: readonly string[]): readonly string[] {
  const plain = /^['`]([^$]*)['`]$/.exec(argument)?.[1];
  if (plain !== undefined) return [plain];
  const seam = /^`\$\{kind\}:([\w-]+)`$/.exec(argument)?.[1];
  return seam === undefined ? [argument] : kinds.map((kind) => `${kind}:${seam}`);
}

describe('crash points', () => {
  const files = globSync('src/**/*.ts', { cwd: ROOT }).filter((path) => !ELSEWHERE.test(path));
  const kinds = stepKinds().filter((kind) => !WITHOUT_CALL.includes(kind));
  const inSource = new Set(files.flatMap((path) => crashCalls(readFileSync(join(ROOT, path), 'utf8')).flatMap((argument) => labelsOf(argument, kinds))));

  it('are all in the list that is killed at, and the list has no other', () => {
    expect([...inSource].sort()).toEqual([...LABELS].sort());
  });

  it('are found however they are written', () => {
    expect(crashCalls("ctx.crash('a:b'); crash(`x`); readonly crash: Crash; this.crash(where);")).toEqual(["'a:b'", '`x`', 'where']);
    expect(labelsOf('`${kind}:before`', ['create', 'drain'])).toEqual(['create:before', 'drain:before']);
    expect(labelsOf('where', [])).toEqual(['where']);
  });

  it('ahead of a killed controller are crash points too', () => {
    for (const label of LABELS) {
      expect(ahead(label).length).toBeGreaterThan(0);
      expect(LABELS).toEqual(expect.arrayContaining([...ahead(label)]));
    }
  });
});
