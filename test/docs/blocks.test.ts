/** Every block of every page is run or checked, page by page, in order, each page in a fresh directory. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Component, describeWith } from '../support/real.ts';
import { type Block, parseBlocks } from './blocks.ts';
import { checkBlock } from './checks.ts';
import { ROOT, Session } from './session.ts';

const TOP = ['README.md', 'ARCHITECTURE.md', 'CONTRIBUTING.md'];
const FOLDERS = ['docs', 'src/drivers', 'bench', 'deploy', 'examples'];

function pagesBelow(folder: string): string[] {
  const path = join(ROOT, folder);
  if (!existsSync(path)) return [];
  return readdirSync(path, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.md'))
    .map((entry) => relative(ROOT, join(entry.parentPath, entry.name)))
    .toSorted();
}

function read(text: string): { blocks: Block[]; problem: string } {
  try {
    return { blocks: parseBlocks(text), problem: '' };
  } catch (error) {
    return { blocks: [], problem: String(error) };
  }
}

const pages = [...TOP, ...FOLDERS.flatMap(pagesBelow)];

/** Programs a page says it needs, in `<!-- needs: haproxy, prometheus -->`; without them it is skipped by name. */
function needsOf(text: string): Component[] {
  const list = /^<!-- needs: ([a-z, -]+) -->$/m.exec(text)?.[1] ?? '';
  return list
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '') as Component[];
}

const contents = pages.map((page) => [page, existsSync(join(ROOT, page)) ? readFileSync(join(ROOT, page), 'utf8') : ''] as const);

for (const [page, text] of contents) describeWith(needsOf(text), page, () => checkPage(text));

function checkPage(text: string): void {
  let session: Session;
  beforeAll(() => {
    session = new Session();
  });
  afterAll(() => session.dispose());
  const { blocks, problem } = read(text);

  it('is there, with every block closed', () => {
    expect(text.trim()).not.toBe('');
    expect(problem).toBe('');
  });
  for (const block of blocks) {
    it(`line ${block.line}: ${block.language}`, async () => {
      expect((await checkBlock(block, session)) ?? '').toBe('');
    });
  }
}
