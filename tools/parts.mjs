/** The parts of `npm test`, and how one is run. A part without tests of its own counts as one test. */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { canMakeNamespace, enterNamespace } from '../src/emulators/machines/namespace.ts';

const MINUTE = 60_000;
export const root = dirname(dirname(fileURLToPath(import.meta.url)));

/**
 * In the order they run: what fails fastest comes first. `components`: talks to real programs of the machine. `namespaces`: where they can be made,
 * each file runs in a network namespace of its own, all of them at once: they wait more than they work, and take the same ports.
 */
export const PARTS = [
  { name: 'format', says: 'Biome: format and lint', commands: [['biome', 'ci', '--colors=off']], limitMs: 5 * MINUTE },
  {
    name: 'lint',
    says: 'oxlint with types: promises, throws, exhaustive switches',
    commands: [['oxlint', '--type-aware', '--deny-warnings']],
    limitMs: 5 * MINUTE,
  },
  {
    name: 'types',
    says: 'TypeScript, and the core without any Node types',
    commands: [
      ['tsc', '-p', 'tsconfig.json'],
      ['tsc', '-p', 'src/core/tsconfig.json'],
    ],
    limitMs: 5 * MINUTE,
  },
  { name: 'tidy', says: 'the rules of the house', project: 'tidy', limitMs: 5 * MINUTE },
  { name: 'tools', says: 'launcher and tools', project: 'tools', limitMs: 10 * MINUTE },
  { name: 'unit', says: 'nothing but Node', project: 'unit', limitMs: 15 * MINUTE },
  { name: 'security', says: 'what attackers try', project: 'security', limitMs: 10 * MINUTE },
  { name: 'fuzz', says: 'whatever anyone may send', project: 'fuzz', limitMs: 20 * MINUTE },
  { name: 'sim', says: 'the whole controller in a simulated, faulty world', project: 'sim', limitMs: 20 * MINUTE },
  { name: 'kill', says: 'kill -9 of the real process at every crash point', project: 'kill', limitMs: 20 * MINUTE },
  { name: 'real', says: 'real components', project: 'real', components: true, limitMs: 20 * MINUTE },
  { name: 'docs', says: 'every block of the documentation', project: 'docs', limitMs: 20 * MINUTE },
  { name: 'pack', says: 'the package as people install it', project: 'pack', limitMs: 10 * MINUTE },
  { name: 'linode', says: 'the systems of three documents on an emulated Linode', project: 'linode', components: true, namespaces: true, limitMs: 30 * MINUTE },
  { name: 'e2e', says: 'the whole product', project: 'e2e', components: true, limitMs: 40 * MINUTE },
];

const running = new Set();

/** Stops what is under way when we are told to stop. */
export function passSignalsOn() {
  for (const [signal, code] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ]) {
    process.on(signal, () => {
      for (const child of running) child.kill(signal);
      process.exit(code);
    });
  }
}

/** Runs a program of node_modules/.bin under this Node. Output is shown as it comes, or kept when `quiet`. */
export async function runTool([name, ...args], { limitMs, quiet = false, namespace = false }) {
  const env = { ...process.env, PATH: `${dirname(process.execPath)}${delimiter}${process.env.PATH ?? ''}` };
  if (!process.stdout.isTTY) env.NO_COLOR = '1';
  const stdio = ['ignore', quiet ? 'pipe' : 'inherit', quiet ? 'pipe' : 'inherit'];
  const program = join(root, 'node_modules', '.bin', name);
  const child = namespace ? await enterNamespace(['env', '-C', root, program, ...args], env, stdio) : spawn(program, args, { cwd: root, env, stdio });
  return new Promise((resolve) => {
    running.add(child);
    let text = '';
    child.stdout?.setEncoding('utf8');
    child.stderr?.setEncoding('utf8');
    child.stdout?.on('data', (chunk) => {
      text += chunk;
    });
    child.stderr?.on('data', (chunk) => {
      text += chunk;
    });
    let late = '';
    const timer = setTimeout(() => {
      late = `${name} took longer than ${limitMs / MINUTE} minutes and was stopped\n`;
      child.kill('SIGKILL');
    }, limitMs);
    const end = (ok, more = '') => {
      clearTimeout(timer);
      running.delete(child);
      if (!quiet && late) process.stdout.write(late);
      resolve({ ok, text: text + more + late });
    };
    child.on('error', (error) => end(false, `${name}: ${error.message}\n`));
    child.on('close', (code) => end(code === 0));
  });
}

const NOTHING = { passed: 0, failed: 0, skipped: 0, skippedSuites: [] };

/** Counts and skipped suites from a report of vitest's JSON reporter. */
export function countReport(report) {
  const count = { ...NOTHING, skippedSuites: [] };
  const suites = new Set();
  for (const file of report.testResults) {
    const has = (status) => file.assertionResults.some((test) => test.status === status);
    // A file that cannot be loaded, or whose preparation fails: its tests have not run, so none of them is marked as failed.
    const broken = file.status === 'failed' && !has('failed');
    if (broken) count.failed += 1;
    for (const test of file.assertionResults) {
      if (test.status === 'passed') count.passed += 1;
      else if (test.status === 'failed') count.failed += 1;
      else {
        count.skipped += 1;
        if (!broken) suites.add(test.ancestorTitles.filter(Boolean).join(' > ') || test.title);
      }
    }
  }
  count.skippedSuites = [...suites];
  return count;
}

/** Runs vitest and counts. An exit code that no counted test explains is a failure of its own. */
export async function runVitest(args, { limitMs, quiet = false, namespace = false }) {
  const dir = mkdtempSync(join(tmpdir(), 'drover-report-'));
  const path = join(dir, 'report.json');
  try {
    const argv = ['vitest', 'run', '--reporter=default', '--reporter=json', `--outputFile.json=${path}`, ...args];
    const { ok, text } = await runTool(argv, { limitMs, quiet, namespace });
    if (quiet) process.stdout.write(text);
    let count;
    try {
      count = countReport(JSON.parse(readFileSync(path, 'utf8')));
    } catch {
      return { ...NOTHING, failed: 1 };
    }
    if (!ok && count.failed === 0) count.failed = 1;
    return count;
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

/** A part with tests. `words` choose among them. */
export async function runTests(part, words) {
  const project = part.project === undefined ? [] : [`--project=${part.project}`];
  if (!part.namespaces || (await canMakeNamespace()) !== null) return runVitest([...project, ...words], part);
  if (words.length > 0) return runVitest([...project, ...words], { ...part, namespace: true });
  const files = await listFiles(part, project);
  return sum(await Promise.all(files.map((file) => runVitest([...project, file], { ...part, quiet: true, namespace: true }))));
}

async function listFiles(part, project) {
  const dir = mkdtempSync(join(tmpdir(), 'drover-files-'));
  const path = join(dir, 'files.json');
  try {
    const { ok, text } = await runTool(['vitest', 'list', '--filesOnly', `--json=${path}`, ...project], { limitMs: part.limitMs, quiet: true });
    if (!ok) throw new Error(`the tests of ${part.name} cannot be listed:\n${text}`);
    return JSON.parse(readFileSync(path, 'utf8')).map((each) => each.file);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

/** Counts of several runs as one. */
export function sum(counts) {
  const total = { ...NOTHING, skippedSuites: counts.flatMap((count) => count.skippedSuites) };
  for (const key of ['passed', 'failed', 'skipped']) for (const count of counts) total[key] += count[key];
  return total;
}

/** A part made of commands: all of them run, so that every mistake is shown at once. */
export async function runCommands(part, { quiet = false } = {}) {
  const results = [];
  for (const command of part.commands) results.push(await runTool(command, { limitMs: part.limitMs, quiet }));
  const ok = results.every((each) => each.ok);
  return { ...NOTHING, passed: ok ? 1 : 0, failed: ok ? 0 : 1, text: results.map((each) => each.text).join('') };
}

export function seconds(sinceMs) {
  return `${((performance.now() - sinceMs) / 1000).toFixed(1)} s`;
}
