/** One start at a time does the work; the others wait for it. A holder that was killed is noticed at once on this machine, within 20 s elsewhere. */
import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { dirname } from 'node:path';
import { onInterrupt } from './child.mjs';
import { CannotStart, say } from './say.mjs';

const STALE_MS = 20_000;
const WAIT_LIMIT_MS = 10 * 60_000;

function alive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

function readHolder(path) {
  try {
    const text = readFileSync(path, 'utf8');
    const [host, pid] = text.split(' ');
    return { text, host, pid: Number(pid), ageMs: Date.now() - statSync(path).mtimeMs };
  } catch {
    return null;
  }
}

function isStale(holder) {
  if (holder.ageMs > STALE_MS) return true;
  return holder.host === hostname() && Number.isInteger(holder.pid) && !alive(holder.pid);
}

/** Takes a dead holder's lock away without taking away one that somebody else has put there meanwhile. */
function removeStale(path, holder) {
  const aside = `${path}.${process.pid}.stale`;
  try {
    renameSync(path, aside);
  } catch {
    return;
  }
  try {
    if (readFileSync(aside, 'utf8') !== holder.text) linkSync(aside, path);
  } catch {}
  rmSync(aside, { force: true });
}

function tryTake(path) {
  try {
    writeFileSync(path, `${hostname()} ${process.pid} ${Math.random()}`, { flag: 'wx' });
    return true;
  } catch (error) {
    if (error.code === 'EEXIST') return false;
    throw error;
  }
}

/** Runs `work` under the lock at `path`; `waitingFor` is printed once if somebody else holds it. */
export async function withLock(path, waitingFor, work) {
  mkdirSync(dirname(path), { recursive: true });
  const deadline = performance.now() + WAIT_LIMIT_MS;
  let told = false;
  while (!tryTake(path)) {
    const holder = readHolder(path);
    if (holder !== null && isStale(holder)) {
      removeStale(path, holder);
      continue;
    }
    if (!told && holder !== null) say(`another start is ${waitingFor}; waiting for it`);
    told = told || holder !== null;
    if (performance.now() > deadline) throw new CannotStart(`another start has been ${waitingFor} for 10 minutes. If none is running, remove ${path}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  const release = () => rmSync(path, { force: true });
  const forget = onInterrupt(release);
  const beat = setInterval(() => {
    try {
      utimesSync(path, new Date(), new Date());
    } catch {}
  }, 2000);
  try {
    return await work();
  } finally {
    clearInterval(beat);
    forget();
    release();
  }
}
