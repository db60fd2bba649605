import { type Finding, isTest, lineOf, type Rule, sources, tree, visit } from './project.ts';

const EMPTY_NAMES = new Set(['utils', 'util', 'helpers', 'helper', 'common', 'misc', 'shared', 'stuff', 'tools', 'lib']);

export const meaningfulNames: Rule = {
  name: 'files are named after what is in them, in kebab-case',
  check: (project) =>
    project.files
      .filter((file) => /^(src|test|web|bench)\//.test(file.path) && /\.(ts|tsx|mjs)$/.test(file.path))
      .flatMap((file): Finding[] => {
        const parts = file.path.split('/').slice(1);
        const bare = parts.map((part) => part.replace(/(\.(test|real|bench|d|config))*\.[a-z]+$/, ''));
        const empty = bare.find((part) => EMPTY_NAMES.has(part));
        if (empty !== undefined) return [{ path: file.path, line: null, message: `is called ${empty}, which says nothing. Name it after its main export` }];
        const odd = bare.find((part) => !/^[a-z0-9]+(-[a-z0-9]+)*$/.test(part));
        return odd === undefined ? [] : [{ path: file.path, line: null, message: `${odd} is not in kebab-case` }];
      }),
  bad: {
    utils: { 'src/kit/utils.ts': 'export const a = 1;' },
    'a helpers folder': { 'src/kit/helpers/paging.ts': 'export const a = 1;' },
    camelCase: { 'src/kit/tokenBucket.ts': 'export const a = 1;' },
  },
  good: {
    plain: {
      'src/kit/token-bucket.ts': '',
      'src/kit/token-bucket.test.ts': '',
      'src/drivers/clouds/local/local.real.test.ts': '',
      'test/e2e/out-and-in.test.ts': '',
    },
  },
};

export const namedExports: Rule = {
  name: 'exports have names',
  check: (project) =>
    project.files
      .filter((file) => /^(src|test)\/.*\.tsx?$/.test(file.path))
      .flatMap((file) => {
        const found: Finding[] = [];
        visit(tree(file), (node) => {
          const named = node['exported'] as { name?: string } | null | undefined;
          if (node.type === 'ExportDefaultDeclaration' || (node.type === 'ExportSpecifier' && named?.name === 'default')) {
            found.push({
              path: file.path,
              line: lineOf(file, node.start),
              message: 'exports a default. Give it a name: one name for one thing, everywhere it is imported',
            });
          }
        });
        return found;
      }),
  bad: { default: { 'src/kit/a.ts': 'export default function a() {}' }, renamed: { 'src/kit/a.ts': 'const a = 1; export { a as default };' } },
  good: { named: { 'src/kit/a.ts': 'export const a = 1;' } },
};

const MOST_LINES = 400;
/** Longer files, each with the reason it has to be one file. */
const LONG_FILES: Readonly<Record<string, string>> = {};

export const shortFiles: Rule = {
  name: `sources have at most ${MOST_LINES} lines`,
  check: (project) => {
    const paths = new Set(project.files.map((file) => file.path));
    const real = paths.has('package.json');
    const long = sources(project)
      .filter((file) => LONG_FILES[file.path] === undefined)
      .map((file) => ({ path: file.path, line: null, lines: file.text.split('\n').length - 1 }))
      .filter((file) => file.lines > MOST_LINES)
      .map((file) => ({ ...file, message: `has ${file.lines} lines; ${MOST_LINES} is the limit. One idea per file: split it along its ideas` }));
    const gone = Object.keys(LONG_FILES).filter((path) => real && !paths.has(path));
    return [...long, ...gone.map((path) => ({ path, line: null, message: 'is listed as a long file but is not there: take it off the list' }))];
  },
  bad: { long: { 'src/core/guard.ts': 'export {};\n'.repeat(MOST_LINES + 1) } },
  good: { short: { 'src/core/guard.ts': 'export {};\n'.repeat(MOST_LINES) } },
};

const RUNNERS = new Set(['describe', 'it', 'test', 'suite', 'bench']);
/** `describeWith` itself: the one way to skip, because it says what is missing. */
const MAY_SKIP = new Set(['test/support/real.ts']);

export const everyTestRuns: Rule = {
  name: 'every test runs',
  check: (project) =>
    project.files
      .filter((file) => (isTest(file.path) || file.path.startsWith('src/testing/')) && /\.(ts|mjs)$/.test(file.path) && !MAY_SKIP.has(file.path))
      .flatMap((file) => {
        const found: Finding[] = [];
        visit(tree(file), (node) => {
          if (node.type !== 'MemberExpression') return;
          const object = (node['object'] as { name?: string }).name ?? '';
          const property = (node['property'] as { name?: string }).name ?? '';
          // A contract suite leaves out what a driver declares it cannot do; that is data, and the reference prints it.
          const declaredAbility = file.path.startsWith('src/testing/') && /^(skipIf|runIf)$/.test(property);
          if (!RUNNERS.has(object) || !/^(only|skip|skipIf|runIf|todo|fails)$/.test(property) || declaredAbility) return;
          const message = `uses ${object}.${property}. A suite that needs a program uses describeWith (test/support/real.ts); a contract leaves out a declared ability; anything else runs or goes`;
          found.push({ path: file.path, line: lineOf(file, node.start), message });
        });
        return found;
      }),
  bad: {
    only: { 'src/core/a.test.ts': "it.only('x', () => {});" },
    skip: { 'src/core/a.test.ts': "describe.skip('x', () => {});" },
    'skip in a contract': { 'src/testing/cloud-contract.ts': "test.skip('x', () => {});" },
    todo: { 'test/e2e/a.test.ts': "it.todo('x');" },
  },
  good: {
    'by ability, and other things called skip': {
      'src/testing/cloud-contract.ts': "it.skipIf(!can.zones)('x', () => {});",
      'src/core/a.test.ts': "it('x', () => { page.skip(3); }); it.each([1])('x', () => {});",
    },
  },
};
