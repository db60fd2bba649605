/** The checks of the documentation can fail: each of them is shown something wrong. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { isAlive } from '../support/daemon.ts';
import { describeWith } from '../support/real.ts';
import { type Block, compareOutput, parseBlocks, parseCommands } from './blocks.ts';
import { checkBlock, mentions } from './checks.ts';
import { Session } from './session.ts';

const FENCE = '```';

function only(page: string): Block {
  const [block, more] = parseBlocks(page);
  if (block === undefined || more !== undefined) throw new Error('one block expected');
  return block;
}

describe('blocks', () => {
  it('are found with language, attributes and line, also in lists', () => {
    const page = `# A\n\n${FENCE}console exit=3 within=20s\n$ a\n${FENCE}\n\n- point\n\n  ${FENCE}yaml file="a b.yaml"\n  a:\n    b: 1\n  ${FENCE}\n\n~~~~text\n${FENCE}\n~~~~\n`;
    const blocks = parseBlocks(page);
    expect(blocks.map((block) => [block.language, block.line, block.text])).toEqual([
      ['console', 3, '$ a\n'],
      ['yaml', 9, 'a:\n  b: 1\n'],
      ['text', 14, `${FENCE}\n`],
    ]);
    expect(blocks[0]?.attributes).toEqual(new Map(Object.entries({ exit: '3', within: '20s' })));
    expect(blocks[1]?.attributes.get('file')).toBe('a b.yaml');
  });
  it('must be closed', () => {
    expect(() => parseBlocks(`x\n${FENCE}sh\necho\n`)).toThrow('line 2');
  });
  it('split into commands and what they print', () => {
    expect(parseCommands('$ one \\\n  two\n$ cat <<E\n> text\n> E\ntext\n$ serve &\n')).toEqual([
      { text: 'one \\\n  two', expected: [], background: false },
      { text: 'cat <<E\ntext\nE', expected: ['text'], background: false },
      { text: 'serve', expected: [], background: true },
    ]);
    expect(() => parseCommands('no prompt\n')).toThrow('starts with');
  });
});

describe('output', () => {
  it.each([
    ['the same', ['a', 'b'], 'a\nb\n'],
    ['placeholders', ['at <time> id <id>!'], 'at 12:00:01 id k3x!'],
    ['rest of a line', ['started …'], 'started on port 80'],
    ['any lines', ['a', '…', 'z'], 'a\nb\nc\nz'],
    ['no lines', ['a', '…', 'z'], 'a\nz'],
    ['special characters', ['(1 + 2) * 3 = [9]?'], '(1 + 2) * 3 = [9]?'],
    ['spaces at the end', ['a', ''], 'a  \n\n'],
  ])('fits: %s', (_case, expected, output) => {
    expect(compareOutput(expected, output)).toBeNull();
  });
  it.each([
    ['another word', ['a'], 'b'],
    ['more', ['a'], 'a\nb'],
    ['less', ['a', 'b'], 'a'],
    ['an empty placeholder', ['id <id>!'], 'id !'],
    ['after the gap', ['…', 'z'], 'a\nb'],
    ['a dot is a dot', ['1.5'], '1x5'],
  ])('does not fit: %s', (_case, expected, output) => {
    expect(compareOutput(expected, output)).not.toBeNull();
  });
});

describe('checks', () => {
  let session: Session;
  beforeEach(() => {
    session = new Session();
  });
  afterEach(() => session.dispose());
  const check = (info: string, body: string) => checkBlock(only(`${FENCE}${info}\n${body}\n${FENCE}`), session);

  it.each([
    ['console', '$ echo hello\nhello'],
    ['console', '$ mkdir d && cd d\n$ export X=5\n$ basename "$PWD"; echo $X\nd\n5'],
    ['console', '$ false\n$ echo $?\n1'],
    ['console exit=3', '$ exit 3'],
    ['console within=5s', '$ test -e waited || { touch waited; false; }'],
    ['sh', 'npm run check && npm test'],
    ['yaml', 'a: 1'],
    ['json', '{"a":1}'],
    ['jsonl', '{"a":1}\n{"b":2}'],
    ['ts', 'const a: number = 1;'],
    ['text', 'anything'],
  ])('%s passes: %s', async (info, body) => {
    expect(await check(info, body)).toBeNull();
  });
  it.each([
    ['console', '$ echo hello\nhullo', 'the page shows "hullo"'],
    ['console', '$ exit 4', 'ends with 4 instead of 0'],
    ['console', '$ false\n$ echo $?\n0', 'the page shows "0"'],
    ['console exit=3', '$ true', 'ends with 0 instead of 3'],
    ['console', '$ no-such-program-here', 'ends with 127'],
    ['sh', 'if true; then', 'is not a shell script'],
    ['sh', 'npm run no-such-script', 'no-such-script'],
    ['yaml', 'a: [1', 'Flow sequence'],
    ['json', '{"a":1,}', 'JSON'],
    ['jsonl', '{"a":1}\n{', 'JSON'],
    ['ts', 'const a: = 1;', ''],
    ['', 'x', 'without a language'],
    ['cobol', 'x', 'a block in cobol'],
  ])('%s fails: %s', async (info, body, says) => {
    expect(await check(info, body)).toContain(says);
  });
  describeWith(['haproxy'], 'HAProxy configurations', () => {
    it('pass and fail', async () => {
      expect(await check('haproxy', 'backend web\n  server-template s 3 127.0.0.1:1 disabled')).toBeNull();
      expect(await check('haproxy', 'backend web\n  no-such-word')).toContain('no-such-word');
    });
  });
  it('a file of the page is there for the commands after it', async () => {
    expect(await check('sh file=bin/hello', '#!/bin/sh\necho hello')).toBeNull();
    expect(await check('console', '$ bin/hello\nhello')).toBeNull();
    await expect(check('sh file=../out', 'true')).rejects.toThrow('outside');
  });
  it('what a page leaves running is stopped with the page', async () => {
    expect(await check('console', '$ sh -c "echo $$ > pid; echo ready; sleep 300" &\nready\n$ test -s pid')).toBeNull();
    const pid = Number(readFileSync(join(session.dir, 'pid'), 'utf8'));
    expect(existsSync(`/proc/${pid}`) || process.platform !== 'linux').toBe(true);
    await session.dispose();
    await expect.poll(() => isAlive(pid), { timeout: 10_000 }).toBe(false);
    session = new Session();
  });
  it('knows which commands a page names', () => {
    expect(mentions('npm test\nnpm run -s demo -- --json\ncd x && drover serve | tee log\nsudo drover status\necho drover')).toEqual({
      scripts: ['test', 'demo'],
      commands: ['serve', 'status'],
    });
  });
});
