/**
 * `node tools/complete-lock.mjs` after adding a dependency. A registry that does not carry the optional binaries of other platforms makes
 * npm write a lock file without them, which `npm ci` then refuses ("Missing: … from lock file"). This adds the missing entries with the
 * version their parent asks for and the platform in their name, so that `npm ci` passes them over here and installs them there. It also
 * takes out addresses (`resolved`): packages come from whichever registry the machine is set up for.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const SYSTEMS = ['aix', 'android', 'darwin', 'freebsd', 'linux', 'netbsd', 'openbsd', 'openharmony', 'sunos', 'win32'];
const PROCESSORS = ['arm64', 'arm', 'ia32', 'loong64', 'mips64el', 'ppc64', 'riscv64', 's390x', 'wasm32', 'x64'];

/** What `binding-linux-arm-musleabihf` and its like say about where they run; null where the name says nothing. */
export function platformOf(name) {
  const words = name.split('/').pop().split('-');
  const os = SYSTEMS.find((each) => words.includes(each));
  const cpu = PROCESSORS.find((each) => words.includes(each));
  if (cpu === undefined) return null;
  const libc = words.some((word) => word.startsWith('musl')) ? 'musl' : words.some((word) => word.startsWith('gnu')) ? 'glibc' : undefined;
  return { ...(os && { os: [os] }), cpu: [cpu], ...(os === 'linux' && libc && { libc: [libc] }) };
}

/** The entries `npm ci` would miss, by path. */
export function missingEntries(lock) {
  const missing = {};
  for (const [path, entry] of Object.entries(lock.packages)) {
    for (const [name, version] of Object.entries(entry.optionalDependencies ?? {})) {
      const places = [`node_modules/${name}`, `${path}/node_modules/${name}`];
      if (places.some((place) => lock.packages[place] !== undefined)) continue;
      const platform = platformOf(name);
      if (platform === null || !/^\d+\.\d+\.\d+/.test(version)) throw new Error(`${path} wants ${name}@${version}, which the lock file lacks: add it by hand`);
      missing[places[0]] = { version, ...platform, ...(entry.dev && { dev: true }), optional: true };
    }
  }
  return missing;
}

const self = fileURLToPath(import.meta.url);
if (process.argv[1] === self) {
  const path = fileURLToPath(new URL('../package-lock.json', import.meta.url));
  const lock = JSON.parse(readFileSync(path, 'utf8'));
  const missing = missingEntries(lock);
  const [top, ...rest] = Object.entries({ ...lock.packages, ...missing });
  rest.sort(([a], [b]) => a.localeCompare(b, 'en'));
  lock.packages = Object.fromEntries([top, ...rest]);
  for (const entry of Object.values(lock.packages)) delete entry.resolved;
  writeFileSync(path, `${JSON.stringify(lock, null, 2)}\n`);
  process.stderr.write(`package-lock.json: ${Object.keys(missing).length} entries added\n`);
}
