/**
 * `npm run new:driver -- KIND ID`: a driver folder that compiles and fits the rules of the house, one line in the registry, and a contract
 * suite that fails and says what to write first. KIND: cloud, balancer, source, notifier, hook, alert-format.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { KINDS } from './new-driver/kinds.mjs';

const REGISTRY = 'src/app/registry.ts';

/** Adds the driver's lazy line after the last one of its kind. */
export function register(text, kind, id) {
  const line = `  '${kind}/${id}': () => import('../drivers/${KINDS[kind].folder}/${id}/driver.ts'),`;
  const lines = text.split('\n');
  const last = lines.findLastIndex((each) => each.startsWith(`  '${kind}/`));
  const place = last === -1 ? lines.findLastIndex((each) => /^ {2}'[a-z-]+\/[a-z0-9-]+': \(\) => import\(/.test(each)) : last;
  if (place === -1) throw new Error(`${REGISTRY} has no line of the form  'cloud/local': () => import('…'),`);
  return lines.toSpliced(place + 1, 0, line).join('\n');
}

/** Files of a new driver by path. */
export function scaffold(kind, id) {
  const { folder, files } = KINDS[kind];
  const words = id.split('-').map((word) => word[0].toUpperCase() + word.slice(1));
  const names = {
    id,
    folder: `src/drivers/${folder}/${id}`,
    title: words.join(' '),
    Type: words.join(''),
    name: words.join('').replace(/^./, (c) => c.toLowerCase()),
  };
  return Object.fromEntries(Object.entries(files(names)).map(([file, text]) => [`${names.folder}/${file}`, text]));
}

function refuse(message) {
  process.stderr.write(`drover: ${message}\n`);
  process.exit(64);
}

function main() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { root: { type: 'string', default: fileURLToPath(new URL('..', import.meta.url)) } },
  });
  const [kind, id, ...more] = positionals;
  const usage = `npm run new:driver -- KIND ID, KIND one of ${Object.keys(KINDS).join(', ')}`;
  if (id === undefined || more.length > 0) refuse(usage);
  if (!Object.hasOwn(KINDS, kind)) refuse(`no kind of driver is called ${kind}. ${usage}`);
  if (!/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/.test(id))
    refuse(`${id} is not an id: small letters, digits and single hyphens, as people will write it in their configuration`);
  const root = values.root;
  const folder = join('src/drivers', KINDS[kind].folder, id);
  if (existsSync(join(root, folder))) refuse(`${folder} is there already`);

  const registry = register(readFileSync(join(root, REGISTRY), 'utf8'), kind, id);
  mkdirSync(join(root, folder), { recursive: true });
  for (const [path, text] of Object.entries(scaffold(kind, id))) writeFileSync(join(root, path), text);
  writeFileSync(join(root, REGISTRY), registry);
  spawnSync(process.execPath, [join(root, 'node_modules', '@biomejs', 'biome', 'bin', 'biome'), 'check', '--write', folder], { cwd: root });
  process.stdout.write(`${folder} is there and in ${REGISTRY}. Now:
  1. options.ts: what an operator writes, each field described
  2. ${id}.test.ts: set up what the contract talks to (the real thing, or an emulator in src/emulators/)
  3. ${id}.ts: the methods, until  npm test -- ${folder}  passes
  4. README.md: what it needs, its gotchas
  5. npm run check
`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) main();
