/** The machine's own npm, told apart from what the caller's npm settings would make of it. */
import { accessSync, constants } from 'node:fs';
import { basename, delimiter, join } from 'node:path';
import { collect } from './child.mjs';
import { CannotStart } from './say.mjs';

/** The npm that started us, else the first on PATH; as a command line. `nodePath` runs it where npm is a script we know. */
export function findNpm(nodePath, env = process.env) {
  const started = env.npm_execpath;
  if (started !== undefined && basename(started) === 'npm-cli.js') return [nodePath, started];
  for (const dir of (env.PATH ?? '').split(delimiter)) {
    const path = join(dir, 'npm');
    try {
      accessSync(path, constants.X_OK);
      return [path];
    } catch {}
  }
  throw new CannotStart('npm was not found. It comes with most installations of Node; on Debian: apt-get install npm');
}

// A refused or silent registry has to be an answer within seconds, not minutes.
export const NETWORK_FLAGS = [
  '--prefer-offline',
  '--fetch-retries=1',
  '--fetch-retry-mintimeout=1000',
  '--fetch-retry-maxtimeout=3000',
  '--fetch-timeout=15000',
];

const UNREACHABLE =
  /\b(ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|ENOTCACHED|E401|E403|E404|E5\d\d|ERR_SOCKET_TIMEOUT|FETCH_ERROR|UNABLE_TO_[A-Z_]+|SELF_SIGNED_CERT[A-Z_]*|CERT_[A-Z_]+)\b/;

/** What went wrong, in one clause, from npm's output. */
export function explainNpm(text, timedOut) {
  if (timedOut) return 'the package registry did not answer in time';
  if (/EINTEGRITY/.test(text)) return 'what the package registry sent is not what was pinned (wrong sha512)';
  const code = UNREACHABLE.exec(text)?.[1];
  if (code !== undefined) return `the package registry could not be reached or refused (${code})`;
  if (/ENOSPC/.test(text)) return 'the disk is full';
  if (/EACCES|EROFS|EPERM/.test(text)) return 'a folder cannot be written';
  return 'npm failed';
}

/** `npm ci` in `folder`. Scripts of packages never run. Returns null, or the reason it failed with npm's last words. */
export async function npmCi(npm, folder, { env, limitMs }) {
  const args = ['ci', '--prefix', folder, '--global=false', '--ignore-scripts', '--include=dev', '--include=optional', '--package-lock=true'];
  const quiet = ['--loglevel=error', '--no-audit', '--no-fund', '--no-update-notifier', '--progress=false'];
  const [command, ...before] = npm;
  const result = await collect(command, [...before, ...args, ...quiet, ...NETWORK_FLAGS], { cwd: folder, env, limitMs });
  if (result.code === 0) return null;
  const words = result.text
    .split('\n')
    .filter((line) => /^npm error (?!A complete log|\s*$)/i.test(line) || /^npm ERR! (?!A complete log|\s*$)/.test(line))
    .slice(0, 6)
    .join('\n');
  return { why: explainNpm(result.text, result.timedOut), integrity: /EINTEGRITY/.test(result.text), words: words || result.text.trim().slice(-600) };
}
