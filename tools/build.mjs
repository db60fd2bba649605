/**
 * `npm run build`: bundles the sources into dist/, so that the package has no dependencies. Every output stands exactly one folder deep
 * (dist/cli/main.js, dist/chunks/…), because `new URL('./x.ts', import.meta.url)` in a source is rewritten to the output of x.ts and has to
 * hold from whichever chunk the code lands in. Prints to stderr only: `npm pack --json` owns stdout.
 */
import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));
const say = (text) => process.stderr.write(`drover: ${text}\n`);

/** What is reached from outside: the command, the public entrances; programs that the sources start as processes are found by themselves. */
const ENTRIES = ['src/cli/main.ts', 'src/entrances/driver.ts', 'src/entrances/policy.ts', 'src/entrances/testing.ts'];
const REFERENCE = /new URL\(\s*(['"`])(\.[^'"`]+)\1\s*,\s*import\.meta\.url\s*\)/g;
/** Where the package itself has files that the sources refer to. */
const PUBLISHED = /^(package\.json|LICENSE|README\.md|CHANGELOG\.md|bin\/.+|schema\/.+)$/;

function listSources(folder) {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts') && !entry.name.endsWith('.test.ts'))
    .map((entry) => join(entry.parentPath, entry.name));
}

/** `src/emulators/web/main.ts` → `emulators-web/main`. */
export function outputOf(path) {
  const parts = path
    .replace(/^src\//, '')
    .replace(/\.ts$/, '')
    .split('/');
  return parts.length === 1 ? `main/${parts[0]}` : `${parts.slice(0, -1).join('-')}/${parts.at(-1)}`;
}

function referencesOf(file, text) {
  return [...text.matchAll(REFERENCE)].map((match) => ({ whole: match[0], path: relative(root, resolve(file, '..', match[2])).replaceAll('\\', '/') }));
}

/** Rewrites one reference, copying what is neither a source nor a published file. */
function rewrite(path, dist) {
  if (path.endsWith('.ts')) return `new URL('../${outputOf(path)}.js', import.meta.url)`;
  if (PUBLISHED.test(path)) return `new URL('../../${path}', import.meta.url)`;
  if (!existsSync(join(root, path))) return null;
  const name = `assets/${path.replaceAll('/', '-')}`;
  mkdirSync(join(dist, 'assets'), { recursive: true });
  copyFileSync(join(root, path), join(dist, name));
  return `new URL('../${name}', import.meta.url)`;
}

function referencePlugin(dist) {
  return {
    name: 'references',
    setup(context) {
      context.onLoad({ filter: /\/src\/.*\.ts$/ }, ({ path }) => {
        let contents = readFileSync(path, 'utf8');
        for (const { whole, path: target } of referencesOf(path, contents)) {
          const better = rewrite(target, dist);
          if (better !== null) contents = contents.replaceAll(whole, better);
        }
        return { contents, loader: 'ts' };
      });
    },
  };
}

/**
 * `const { pino } = await import('pino')` works in Node, which finds the names of a package in the older format; esbuild offers only `default`
 * there. So such a package is wrapped in a module with the names that Node finds.
 */
const lazyOldFormat = {
  name: 'lazy-old-format',
  setup(context) {
    context.onResolve({ filter: /^[^./]/ }, async ({ path, kind, resolveDir, pluginData }) => {
      if (kind !== 'dynamic-import' || pluginData === 'asked' || path.startsWith('node:')) return null;
      const found = await context.resolve(path, { kind, resolveDir, pluginData: 'asked' });
      if (found.errors.length > 0 || found.external || !isOldFormat(found.path)) return null;
      return { path: found.path, namespace: 'lazy-old-format' };
    });
    context.onLoad({ filter: /.*/, namespace: 'lazy-old-format' }, async ({ path }) => {
      const names = Object.keys(await import(pathToFileURL(path).href)).filter(
        (name) => /^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u.test(name) && name !== 'default',
      );
      const exported = names.map((name, at) => `const x${at} = m[${JSON.stringify(name)}]; export { x${at} as ${name} };`);
      return { contents: `const m = require(${JSON.stringify(path)}); export default m; ${exported.join(' ')}`, resolveDir: dirname(path), loader: 'js' };
    });
  },
};

function isOldFormat(path) {
  if (/\.[cm]js$/.test(path)) return path.endsWith('.cjs');
  for (let folder = dirname(path); folder !== dirname(folder); folder = dirname(folder)) {
    const manifest = join(folder, 'package.json');
    if (existsSync(manifest)) return JSON.parse(readFileSync(manifest, 'utf8')).type !== 'module';
  }
  return true;
}

function listEntries() {
  const spawned = listSources(join(root, 'src')).flatMap((file) => referencesOf(file, readFileSync(file, 'utf8')).map((each) => each.path));
  return [...new Set([...ENTRIES, ...spawned.filter((path) => path.endsWith('.ts'))])].filter((path) => existsSync(join(root, path)));
}

async function bundle(dist) {
  const entries = listEntries();
  const result = await build({
    absWorkingDir: root,
    entryPoints: entries.map((path) => ({ in: path, out: outputOf(path) })),
    outdir: dist,
    bundle: true,
    splitting: true,
    platform: 'node',
    format: 'esm',
    target: 'node24.15',
    chunkNames: 'chunks/[name]-[hash]',
    // Names stay, so that a stack trace can be read; white space and comments go.
    minifySyntax: true,
    minifyWhitespace: true,
    legalComments: 'none',
    // Only the test suites for outside drivers need it, and there it is theirs.
    external: ['vitest'],
    // Packages in the older format load Node's modules with require().
    banner: { js: "import{createRequire as __createRequire}from'node:module';const require=__createRequire(import.meta.url);" },
    define: { 'process.env.NODE_ENV': '"production"' },
    metafile: true,
    logLevel: 'warning',
    plugins: [referencePlugin(dist), lazyOldFormat],
  });
  return { entries, result };
}

/** Every bundled package's licence goes with the bundle, as their terms ask. */
function writeLicences(dist, inputs) {
  const folders = new Set(Object.keys(inputs).flatMap((path) => /^(?:[a-z-]+:)?(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(path)?.[1] ?? []));
  const texts = [...folders].map((path) => {
    const folder = resolve(root, path);
    const { name, version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
    const file = readdirSync(folder).find((each) => /^licen[cs]e/i.test(each));
    return `${name} ${version} (${license})\n\n${file === undefined ? '' : readFileSync(join(folder, file), 'utf8')}`;
  });
  writeFileSync(join(dist, 'LICENSES.txt'), `Drover contains these packages.\n\n${[...new Set(texts)].toSorted().join(`\n${'-'.repeat(80)}\n\n`)}`);
}

function writeTypes(dist) {
  const files = ['driver', 'policy', 'testing'].map((name) => `src/entrances/${name}.ts`).filter((path) => existsSync(join(root, path)));
  if (files.length === 0) return;
  const path = join(root, '.cache', 'tsconfig.types.json');
  const compilerOptions = {
    noEmit: false,
    declaration: true,
    emitDeclarationOnly: true,
    rootDir: join(root, 'src'),
    outDir: join(dist, 'types'),
    removeComments: false,
  };
  mkdirSync(join(root, '.cache'), { recursive: true });
  writeFileSync(path, JSON.stringify({ extends: '../tsconfig.json', compilerOptions, include: [], files: files.map((each) => join(root, each)) }));
  const tsc = spawnSync(process.execPath, [join(root, 'node_modules', 'typescript', 'bin', 'tsc'), '-p', path], { cwd: root, encoding: 'utf8' });
  if (tsc.status !== 0) throw new Error(`types were not written:\n${tsc.stdout}${tsc.stderr}`);
}

async function main() {
  const startMs = performance.now();
  const dist = join(root, 'dist');
  rmSync(dist, { recursive: true, force: true });
  const { entries, result } = await bundle(dist);
  writeLicences(dist, result.metafile.inputs);
  writeTypes(dist);
  const bytes = Object.values(result.metafile.outputs).reduce((sum, each) => sum + each.bytes, 0);
  const absent = ENTRIES.filter((path) => !entries.includes(path));
  for (const path of absent) say(`${path} is not there: the package is built without it`);
  say(`dist/ built: ${entries.length} entries, ${(bytes / 1e6).toFixed(1)} MB of JavaScript, ${((performance.now() - startMs) / 1000).toFixed(1)} s`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main();
