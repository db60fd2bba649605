/** One writer at a time, over processes: a file that only one can make. Whoever died with it is found out by its process id. */
import { randomBytes } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';
import { link, readFile, unlink, writeFile } from 'node:fs/promises';
import { DriverError } from '../ports/errors.ts';
import { realClock } from './clock.ts';

/** A writer needs milliseconds; so long waits one at most. */
const WAIT_MS = 10_000;
const LOOK_MS = 20;

/** Runs `work` alone. Throws DriverError conflict when another holds the lock for 10 s. */
export async function alone<T>(path: string, work: () => Promise<T>, waitMs = WAIT_MS): Promise<T> {
  const mine = `${process.pid} ${pidNamespace()} ${randomBytes(8).toString('hex')}\n`;
  await take(path, mine, realClock.mono() + waitMs);
  try {
    return await work();
  } finally {
    await unlink(path).catch(() => {});
  }
}

async function take(path: string, mine: string, untilMono: number): Promise<void> {
  for (;;) {
    if (await make(path, mine)) return;
    if (realClock.mono() >= untilMono) {
      const text = `secret: another command is changing the secrets (${path} is there); if none runs, remove ${path}*`;
      throw new DriverError('conflict', text, { definite: true });
    }
    const held = await readFile(path, 'utf8').catch(() => null);
    if (held !== null && isDead(held)) await removeDead(path, held);
    else await realClock.sleep(LOOK_MS);
  }
}

/** False: it is there. Never seen half written: a lock without its owner could be found dead by nobody. */
async function make(path: string, text: string): Promise<boolean> {
  const draft = `${path}.${process.pid}.${randomBytes(4).toString('hex')}`;
  try {
    await writeFile(draft, text, { flag: 'wx', mode: 0o600 });
    await link(draft, path);
    return true;
  } catch (e) {
    const { code } = e as NodeJS.ErrnoException;
    if (code === 'EEXIST') return false;
    throw new DriverError('unauthorized', `secret: ${path} cannot be written (${code ?? 'unknown'})`, { definite: true, cause: e });
  } finally {
    await unlink(draft).catch(() => {});
  }
}

/** Only what was read is removed: whoever removes a dead lock holds a second one meanwhile, so that no new lock is taken for the dead one. */
async function removeDead(path: string, dead: string): Promise<void> {
  const marker = `${path}.takeover`;
  if (!(await make(marker, ''))) return realClock.sleep(LOOK_MS);
  try {
    if ((await readFile(path, 'utf8').catch(() => null)) === dead) await unlink(path);
  } finally {
    await unlink(marker).catch(() => {});
  }
}

/** Ids of processes mean something within one namespace only: of another one's nothing is concluded. */
function isDead(text: string): boolean {
  const [pid = '', namespace = ''] = text.trim().split(' ');
  if (!/^\d{1,10}$/.test(pid) || namespace !== pidNamespace()) return false;
  if (Number(pid) === process.pid) return false;
  try {
    process.kill(Number(pid), 0);
    return isZombie(pid);
  } catch (e) {
    return (e as NodeJS.ErrnoException).code === 'ESRCH';
  }
}

function isZombie(pid: string): boolean {
  try {
    return /\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'latin1'));
  } catch {
    return false;
  }
}

function pidNamespace(): string {
  try {
    return readlinkSync('/proc/self/ns/pid').replaceAll(' ', '');
  } catch {
    return '-';
  }
}
