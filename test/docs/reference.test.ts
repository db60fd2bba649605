/** What is made from the code is as the code says, and what pages say of the code can be found in it. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
// @ts-expect-error -- a tool without types
import { differing, generate } from '../../tools/generate-reference.mjs';
import { LAYERS } from '../tidy/layers.ts';
import { ROOT } from './session.ts';

const REMEDY = 'Run: node tools/generate-reference.mjs';
let files: Record<string, string>;
beforeAll(async () => {
  files = (await generate()) as Record<string, string>;
}, 60_000);

describe('the reference', () => {
  it('is as the code says', async () => {
    expect(await differing(files), REMEDY).toEqual([]);
  });
  it('would show a difference', async () => {
    const altered = { ...files, 'docs/reference/metrics.md': `${files['docs/reference/metrics.md']}more` };
    expect(await differing(altered)).toEqual(['docs/reference/metrics.md']);
  });
  it('describes every field of the configuration', () => {
    const rows = (files['docs/reference/configuration.md'] ?? '').split('\n').filter((line) => /^\| `/.test(line));
    expect(rows.length).toBeGreaterThan(100);
    expect(rows.filter((row) => /\|\s*\|$/.test(row))).toEqual([]);
  });
  it('has no file that nothing makes', () => {
    const there = readdirSync(join(ROOT, 'docs', 'reference')).map((name) => `docs/reference/${name}`);
    expect(there.filter((path) => files[path] === undefined)).toEqual([]);
  });
});

/** `core` → what ARCHITECTURE.md says it may import, and which packages. */
function tableOfArchitecture(): Map<string, { folders: string[]; packages: string[] }> {
  const text = readFileSync(join(ROOT, 'ARCHITECTURE.md'), 'utf8');
  const rows =
    text
      .slice(text.search(/^\| folder +\| may import/m))
      .split('\n\n')[0]
      ?.split('\n')
      .slice(2) ?? [];
  const words = (cell: string | undefined) => (cell ?? '').split(',').map((word) => word.trim());
  return new Map(
    rows.map((row) => {
      const [, folder = '', may, packages] = row.split('|').map((cell) => cell.trim());
      return [folder, { folders: words(may), packages: words(packages) }];
    }),
  );
}

describe('ARCHITECTURE.md', () => {
  const table = tableOfArchitecture();
  it('has a row for each layer', () => {
    expect([...table.keys()].toSorted()).toEqual([...Object.keys(LAYERS), 'drivers'].toSorted());
  });
  it.each(Object.entries(LAYERS))('says of %s what the test holds', (name, layer) => {
    const row = table.get(name);
    const others = layer.may.filter((folder) => folder !== name);
    const wanted = layer.may.includes('*') ? [`everything but ${(layer.not ?? []).join(' and ')}`] : others.length === 0 ? ['itself'] : others;
    expect(row?.folders.toSorted()).toEqual(wanted.toSorted());
    expect(row?.packages.toSorted()).toEqual([...layer.packages].toSorted());
  });
});

function pages(): string[] {
  const below = (folder: string) =>
    readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && entry.name.endsWith('.md'))
      .map((entry) => relative(ROOT, join(entry.parentPath, entry.name)));
  return ['README.md', 'ARCHITECTURE.md', 'CONTRIBUTING.md', 'CHANGELOG.md', ...below('docs'), ...below('src/drivers')].toSorted();
}

/** As GitHub makes them: lower case, no punctuation, hyphens for blanks, a number behind repeats. */
function anchorsOf(text: string): Set<string> {
  const found = new Set<string>();
  let fenced = false;
  for (const line of text.split('\n')) {
    if (/^\s*(```|~~~)/.test(line)) fenced = !fenced;
    const heading = fenced ? undefined : /^#{1,6} (.*)$/.exec(line)?.[1];
    if (heading === undefined) continue;
    const slug = heading
      .toLowerCase()
      .replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .trim()
      .replace(/\s/g, '-');
    let unique = slug;
    for (let n = 1; found.has(unique); n++) unique = `${slug}-${n}`;
    found.add(unique);
  }
  return found;
}

describe('links', () => {
  it.each(pages())('of %s lead somewhere', (path) => {
    const text = readFileSync(join(ROOT, path), 'utf8');
    const prose = text.replace(/^(```|~~~)[\s\S]*?^\1/gm, '').replace(/`[^`\n]*`/g, '');
    const broken = [...prose.matchAll(/\]\(([^)\s]+)\)/g)].flatMap(([, target = '']) => {
      if (/^[a-z]+:/.test(target)) return [];
      const [file = '', anchor] = target.split('#');
      const to = file === '' ? path : join(dirname(path), file);
      if (!existsSync(join(ROOT, to))) return [target];
      return anchor === undefined || anchorsOf(readFileSync(join(ROOT, to), 'utf8')).has(anchor) ? [] : [target];
    });
    expect(broken).toEqual([]);
  });
});

describe('decisions', () => {
  it('are all in the list, with their own number', () => {
    const list = readFileSync(join(ROOT, 'docs', 'README.md'), 'utf8');
    const names = readdirSync(join(ROOT, 'docs', 'decisions'));
    expect(names.filter((name) => !list.includes(`decisions/${name}`))).toEqual([]);
    for (const name of names) expect(readFileSync(join(ROOT, 'docs', 'decisions', name), 'utf8')).toMatch(new RegExp(`^# ${name.slice(0, 4)}: `));
  });
});
