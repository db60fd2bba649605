import type { File, Finding, Rule } from './project.ts';

/** Written in pieces, so that this file passes its own rules. */
const joined = (...pieces: string[]) => pieces.join('');

function search(file: File, pattern: RegExp, message: (word: string) => string): Finding[] {
  return file.text.split('\n').flatMap((line, index) => {
    const match = pattern.exec(line);
    return match === null ? [] : [{ path: file.path, line: index + 1, message: message(match[0]) }];
  });
}

const UNFINISHED = new RegExp(`\\b(${joined('TO', 'DO')}|${joined('FIX', 'ME')})\\b`);

export const nothingUnfinished: Rule = {
  name: 'nothing is left for later in the text',
  check: (project) =>
    project.files
      .filter((file) => !/^(package-lock\.json|LICENSE)$/.test(file.path))
      .flatMap((file) => search(file, UNFINISHED, (word) => `says ${word}. Do it, or open an issue and describe what is there now`)),
  bad: { 'in a comment': { 'src/core/a.ts': `// ${joined('TO', 'DO')}: later` }, 'in a page': { 'docs/a.md': `${joined('FIX', 'ME')} here` } },
  good: { done: { 'src/core/a.ts': '// done' } },
};

const PLACES = [
  joined('/work', '/main'),
  joined('/work', '/shared'),
  joined('/work', '/\\.'),
  joined('/tmp', '/n24'),
  joined('/tmp', '/brief'),
  joined('/tmp', '/house'),
  joined('/tmp', '/bash_'),
  joined('/home', '/[a-z]+/(src|code|git|projects)/'),
];
const HOSTS = [
  joined('registry\\.npm', 'js\\.org'),
  joined('registry\\.yarn', 'pkg\\.com'),
  joined('npm\\.pkg\\.', 'github\\.com'),
  joined('registry\\.npm', 'mirror\\.com'),
];
const TOOLS = [
  joined('clau', 'de'),
  joined('anthro', 'pic'),
  joined('chat', 'gpt'),
  joined('open', 'ai'),
  joined('co', 'pilot'),
  joined('gem', 'ini'),
  joined('as an', ' ai\\b'),
];
const FOREIGN = new RegExp(`(${PLACES.join('|')})|(${HOSTS.join('|')})|\\b(${TOOLS.join('|')})`, 'i');
const ADDRESS = /"resolved":/;

export const atHomeAnywhere: Rule = {
  name: 'nothing names the machine, the registry or the tools it was made with',
  check: (project) =>
    project.files.flatMap((file) => [
      ...search(file, FOREIGN, (word) => `names ${word}. The project stands on its own: relative paths, whichever registry the machine uses`),
      ...(file.path === 'package-lock.json' ? search(file, ADDRESS, () => 'names where a package came from. Run: node tools/complete-lock.mjs') : []),
    ]),
  bad: {
    'a path': { 'docs/a.md': `see ${joined('/work', '/main')}/src` },
    'a registry': { '.npmrc': `registry=https://${joined('registry.npm', 'js.org')}/` },
    'an address in the lock file': { 'package-lock.json': '"resolved": "https://example.org/a.tgz"' },
    'a tool': { 'src/core/a.ts': `// written with ${joined('Co', 'pilot')}` },
  },
  good: { plain: { 'docs/a.md': 'GET /work answers 200; npm install drover; files in /tmp/drover' } },
};

export const wholeLock: Rule = {
  name: 'the lock file names the optional packages of every platform',
  check: (project) => {
    const file = project.files.find((each) => each.path === 'package-lock.json');
    if (file === undefined) return [];
    const { packages } = JSON.parse(file.text) as { packages: Record<string, { optionalDependencies?: Record<string, string> }> };
    return Object.entries(packages).flatMap(([path, entry]) =>
      Object.keys(entry.optionalDependencies ?? {})
        .filter((name) => packages[`node_modules/${name}`] === undefined && packages[`${path}/node_modules/${name}`] === undefined)
        .map((name) => ({ path: file.path, line: null, message: `lacks ${name}, so npm ci would refuse it. Run: node tools/complete-lock.mjs` })),
    );
  },
  bad: { 'one missing': { 'package-lock.json': '{"packages":{"node_modules/a":{"optionalDependencies":{"a-darwin-arm64":"1.0.0"}}}}' } },
  good: {
    whole: {
      'package-lock.json':
        '{"packages":{"node_modules/a":{"optionalDependencies":{"a-darwin-arm64":"1.0.0"}},"node_modules/a-darwin-arm64":{"version":"1.0.0"}}}',
    },
  },
};

export const nothingToInstall: Rule = {
  name: 'the package has no runtime dependencies and runs nothing at installation',
  check: (project) => {
    const file = project.files.find((each) => each.path === 'package.json');
    if (file === undefined) return [];
    const data = JSON.parse(file.text) as Record<string, Record<string, string> | undefined>;
    const kinds = ['dependencies', 'optionalDependencies', 'peerDependencies', 'bundledDependencies'].filter(
      (kind) => Object.keys(data[kind] ?? {}).length > 0,
    );
    const hooks = ['preinstall', 'install', 'postinstall', 'prepare'].filter((script) => data['scripts']?.[script] !== undefined);
    return [
      ...kinds.map((kind) => ({
        path: file.path,
        line: null,
        message: `has ${kind}. Everything is bundled: add it to devDependencies (npm i -D), and node tools/complete-lock.mjs`,
      })),
      ...hooks.map((script) => ({
        path: file.path,
        line: null,
        message: `has the script ${script}, which would run on people's machines at installation. The launcher (tools/run.mjs) prepares a clone`,
      })),
    ];
  },
  bad: { dependency: { 'package.json': '{"dependencies":{"a":"1"}}' }, hook: { 'package.json': '{"scripts":{"prepare":"husky"}}' } },
  good: { dev: { 'package.json': '{"devDependencies":{"a":"1"},"scripts":{"prepack":"x"}}' } },
};
