/** Children of the launcher: run to the end, stopped with it, never orphaned. */
import { spawn } from 'node:child_process';
import { constants } from 'node:os';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'];
const cleanups = new Set();

/** Runs `undo` if a signal ends the launcher before the returned function was called. */
export function onInterrupt(undo) {
  cleanups.add(undo);
  return () => cleanups.delete(undo);
}

function endBySignal(signal) {
  for (const undo of cleanups) undo();
  process.exit(128 + constants.signals[signal]);
}

/** While the launcher prepares things, a signal undoes what is half done and ends it. */
export function watchSignals() {
  const handlers = SIGNALS.map((signal) => [signal, () => endBySignal(signal)]);
  for (const [signal, handler] of handlers) process.on(signal, handler);
  return () => {
    for (const [signal, handler] of handlers) process.off(signal, handler);
  };
}

/** A helper program whose output is read, not shown. Killed with the launcher and at the time limit. */
export function collect(command, args, { cwd, env, limitMs }) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
    let text = '';
    let timedOut = false;
    const keep = (chunk) => {
      text = (text + chunk).slice(-20_000);
    };
    child.stdout.setEncoding('utf8');
    child.stderr.setEncoding('utf8');
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    const forget = onInterrupt(() => child.kill('SIGTERM'));
    const timer = setTimeout(() => {
      timedOut = true;
      child.kill('SIGKILL');
    }, limitMs);
    const done = () => {
      clearTimeout(timer);
      forget();
    };
    child.on('error', (error) => {
      done();
      reject(error);
    });
    child.on('close', (code) => {
      done();
      resolve({ code, text, timedOut });
    });
  });
}

/** The task itself: our terminal, our signals, its exit code. Never returns. */
export function become(command, args, { cwd, env }) {
  const child = spawn(command, args, { cwd, env, stdio: 'inherit' });
  // Ctrl-C in a terminal reaches every process of the foreground group, the child included: forwarding it as well would count as a
  // second Ctrl-C, which means "at once" to some tasks. Without a terminal (kill, a service manager, npm) only we hear it.
  const inTerminal = Boolean(process.stdin.isTTY || process.stdout.isTTY || process.stderr.isTTY);
  let forwardedAt = Number.NEGATIVE_INFINITY;
  for (const signal of SIGNALS) {
    process.on(signal, () => {
      if (signal === 'SIGINT' && inTerminal) return;
      // npm and a signal to the whole group can both deliver the same one.
      const now = performance.now();
      if (now - forwardedAt < 200) return;
      forwardedAt = now;
      child.kill(signal);
    });
  }
  child.on('error', (error) => {
    process.stderr.write(`drover: cannot start ${command}: ${error.message}\n`);
    process.exit(69);
  });
  child.on('exit', (code, signal) => {
    if (code !== null) process.exit(code);
    for (const each of SIGNALS) process.removeAllListeners(each);
    process.kill(process.pid, signal);
    setTimeout(() => process.exit(128 + (constants.signals[signal] ?? 0)), 1000);
  });
}
