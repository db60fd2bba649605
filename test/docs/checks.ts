/** One check per language a block may have. Returns what is wrong in words, or null. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { find } from '../support/real.ts';
import { parseTypeScript } from '../tidy/parse.ts';
import { type Block, parseCommands } from './blocks.ts';
import { ROOT, type Session } from './session.ts';

type Check = (block: Block, session: Session) => Promise<string | null> | string | null;

function attempt(work: () => unknown): string | null {
  try {
    work();
    return null;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function milliseconds(text: string | undefined): number {
  const match = /^(\d+)(s|m)$/.exec(text ?? '');
  return match === null ? 0 : Number(match[1]) * (match[2] === 'm' ? 60_000 : 1000);
}

async function checkConsole(block: Block, session: Session): Promise<string | null> {
  const commands = parseCommands(block.text);
  const exit = Number(block.attributes.get('exit') ?? 0);
  for (const [at, command] of commands.entries()) {
    const codeIsShown = /^echo \$\?$/.test(commands[at + 1]?.text ?? '');
    const expectedExit = codeIsShown ? null : at === commands.length - 1 ? exit : 0;
    const problem = await session.check(command, { exit: expectedExit, withinMs: milliseconds(block.attributes.get('within')) });
    if (problem !== null) return problem;
  }
  return null;
}

/** Commands a page tells people to type, and that must therefore exist: package scripts and drover's own commands. */
export function mentions(text: string): { scripts: string[]; commands: string[] } {
  const starts = text.split(/\n|&&|\|\||;|\|/).map((part) => part.replace(/^[\s$]+/, ''));
  const scripts = starts.flatMap((part) => /^npm (?:run |(?=test\b))(?:-s |--silent )?([\w:-]+)/.exec(part)?.[1] ?? []);
  const commands = starts.flatMap((part) => /^(?:sudo |npx )?drover ([a-z][a-z-]*)/.exec(part)?.[1] ?? []);
  return { scripts, commands };
}

async function checkShell(block: Block, session: Session): Promise<string | null> {
  const parsed = spawnSync('sh', ['-n'], { input: block.text, encoding: 'utf8' });
  if (parsed.status !== 0) return `is not a shell script: ${parsed.stderr.trim()}`;
  const { scripts, commands } = mentions(block.text);
  const known = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { scripts: Record<string, string> };
  const absent = scripts.find((name) => known.scripts[name] === undefined);
  if (absent !== undefined) return `names the script ${absent}, which package.json does not have`;
  for (const command of new Set(commands)) {
    const { code, output } = await session.run(`drover ${command} --help`);
    if (code !== 0) return `names drover ${command}, whose --help ends with ${code}: ${output.slice(0, 300)}`;
  }
  return null;
}

async function checkYaml(block: Block, session: Session): Promise<string | null> {
  const problems = parseAllDocuments(block.text).flatMap((document) => ('errors' in document ? document.errors : []));
  if (problems[0] !== undefined) return problems[0].message;
  if (!/^version: 1$/m.test(block.text)) return null;
  const name = block.attributes.get('file') ?? `block-${block.line}.yaml`;
  session.write(name, block.text);
  const { code, output } = await session.run(`drover validate '${name}'`);
  return code === 0 ? null : `drover validate ends with ${code}:\n${output}`;
}

/** HAProxy's own check, where it is installed; sections a page leaves out are added. */
function checkHaproxy(block: Block, session: Session): string | null {
  const haproxy = find('haproxy');
  if (haproxy === null) return null;
  const defaults = /^defaults/m.test(block.text) ? '' : 'defaults\n  mode http\n  timeout connect 5s\n  timeout client 30s\n  timeout server 30s\n';
  const entry = /^(frontend|listen)/m.test(block.text) ? '' : 'frontend page\n  bind 127.0.0.1:65000\n';
  session.write('page.cfg', `${defaults}${block.text}\n${entry}`);
  const { status, stderr } = spawnSync(haproxy, ['-c', '-f', join(session.dir, 'page.cfg')], { encoding: 'utf8', timeout: 20_000 });
  return status === 0 ? null : `HAProxy refuses it: ${stderr.trim()}`;
}

const CHECKS: Readonly<Record<string, Check>> = {
  console: checkConsole,
  sh: checkShell,
  yaml: checkYaml,
  json: (block) => attempt(() => JSON.parse(block.text)),
  jsonl: (block) =>
    attempt(() =>
      block.text
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line)),
    ),
  ts: (block) => attempt(() => parseTypeScript(block.text, 'ts')),
  haproxy: checkHaproxy,
  // Prose, output, foreign formats and pictures.
  text: () => null,
  mermaid: () => null,
};

export async function checkBlock(block: Block, session: Session): Promise<string | null> {
  const check = Object.hasOwn(CHECKS, block.language) ? CHECKS[block.language] : undefined;
  if (check === undefined) {
    const what = block.language === '' ? 'a block without a language' : `a block in ${block.language}`;
    return `${what} is checked by nothing. There are: ${Object.keys(CHECKS).join(', ')}; use text for what nobody runs, or add a check to test/docs/checks.ts`;
  }
  const file = block.attributes.get('file');
  if (file !== undefined) session.write(file, block.text);
  return check(block, session);
}
