#!/usr/bin/env node
/**
 * `node tools/run.mjs TASK [ARGUMENT…]`, on Node 18 or newer and nothing else: brings Node 24 and the dependencies where they are
 * missing, then runs the task with our terminal, signals and exit code. Package scripts start it with `exec`: without that a signal
 * to npm would leave the program running. What it has to say goes to stderr. Exit 69: something needed could not be had; 65: what came
 * has the wrong hash; 64: no such task.
 */
import { existsSync, readFileSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const TASKS = {
  demo: ['src/cli/main.ts', 'demo'],
  drover: ['src/cli/main.ts'],
  test: ['tools/test.mjs'],
  check: ['tools/check.mjs'],
  bench: ['bench/main.ts'],
  sim: ['test/sim/main.ts'],
  soak: ['test/soak/main.ts'],
  build: ['tools/build.mjs'],
  'new-driver': ['tools/new-driver.mjs'],
};

const root = dirname(dirname(fileURLToPath(import.meta.url)));

function taskEnvironment(nodePath) {
  const env = { ...process.env };
  const bin = dirname(nodePath);
  env.PATH = [bin, env.PATH].filter(Boolean).join(delimiter);
  // Points at the headers of whichever Node the machine has; anything compiled with it would not fit the Node we run.
  env.npm_config_nodedir = dirname(bin);
  return env;
}

/** `npm run drover -- validate my.yaml` means a file of the folder it was typed in; npm itself changes to the project's. */
function taskFolder(task) {
  const typedIn = process.env.INIT_CWD;
  const own = process.env.npm_lifecycle_event === task && (task === 'drover' || task === 'demo');
  return own && typedIn !== undefined && existsSync(typedIn) ? typedIn : root;
}

async function main([task, ...args]) {
  const { CannotStart, say } = await import('./launch/say.mjs');
  if (!Object.hasOwn(TASKS, task ?? '')) {
    say(`no task ${task ?? '(none given)'}. There are: ${Object.keys(TASKS).join(', ')}`);
    process.exit(64);
  }
  const { become, watchSignals } = await import('./launch/child.mjs');
  const unwatch = watchSignals();
  try {
    const pins = JSON.parse(readFileSync(join(root, 'tools', 'node.json'), 'utf8'));
    const { bringNode } = await import('./launch/node-binary.mjs');
    const nodePath = await bringNode(root, pins);
    const env = taskEnvironment(nodePath);
    const { bringDependencies } = await import('./launch/dependencies.mjs');
    await bringDependencies(root, nodePath, env);
    unwatch();
    const [script, ...first] = TASKS[task];
    become(nodePath, [join(root, script), ...first, ...args], { cwd: taskFolder(task), env });
  } catch (error) {
    if (!(error instanceof CannotStart)) throw error;
    say(error.message);
    process.exit(error.exitCode);
  }
}

const [major] = process.versions.node.split('.').map(Number);
if (major < 18) {
  process.stderr.write(`drover: needs Node 18 or newer to start itself; this is Node ${process.versions.node} at ${process.execPath}\n`);
  process.exit(69);
}
await main(process.argv.slice(2));
