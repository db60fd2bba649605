import { importsOf, packageOf } from './imports.ts';
import { type File, type Finding, type Project, type Rule, sources } from './project.ts';

const KINDS = ['clouds', 'balancers', 'sources', 'alerts', 'hooks', 'notifiers', 'stores'];

/** Files by driver folder: `src/drivers/clouds/local` → [driver.ts, …]. */
function folders(project: Project): Map<string, string[]> {
  const found = new Map<string, string[]>();
  for (const { path } of project.files) {
    const match = /^(src\/drivers\/[^/]+\/[^/]+)\/(.+)$/.exec(path);
    if (match?.[1] !== undefined && match[2] !== undefined) found.set(match[1], [...(found.get(match[1]) ?? []), match[2]]);
  }
  return found;
}

/** A store is opened by app itself and takes no options from the registry. */
const FILES: readonly [RegExp, string][] = [
  [/^driver\.ts$/, 'driver.ts: the manifest, the only file anyone else imports'],
  [/^options\.ts$/, 'options.ts: the options schema, from which validation, docs and help come'],
  [/^README\.md$/, 'README.md: what it does, what it needs, its gotchas'],
  [/\.test\.ts$/, "a test that runs the shared contract of its kind and then this vendor's oddities"],
];

export const wholeDriverFolders: Rule = {
  name: 'a driver is one whole folder',
  check: (project) =>
    [...folders(project)].flatMap(([folder, names]): Finding[] => {
      const kind = folder.split('/')[2] ?? '';
      const wrongKind = KINDS.includes(kind) ? [] : [{ path: folder, line: null, message: `${kind} is no kind of driver. There are: ${KINDS.join(', ')}` }];
      const missing = FILES.filter(([pattern, what]) => !names.some((each) => pattern.test(each)) && !(kind === 'stores' && what.startsWith('options.ts')));
      return [...wrongKind, ...missing.map(([, what]) => ({ path: folder, line: null, message: `lacks ${what}` }))];
    }),
  bad: {
    'no options': { 'src/drivers/clouds/x/driver.ts': '', 'src/drivers/clouds/x/README.md': '', 'src/drivers/clouds/x/x.test.ts': '' },
    'no README': { 'src/drivers/clouds/x/driver.ts': '', 'src/drivers/clouds/x/options.ts': '', 'src/drivers/clouds/x/x.test.ts': '' },
    'no test': { 'src/drivers/clouds/x/driver.ts': '', 'src/drivers/clouds/x/options.ts': '', 'src/drivers/clouds/x/README.md': '' },
    'an unknown kind': {
      'src/drivers/cloud/x/driver.ts': '',
      'src/drivers/cloud/x/options.ts': '',
      'src/drivers/cloud/x/README.md': '',
      'src/drivers/cloud/x/x.test.ts': '',
    },
  },
  good: {
    whole: {
      'src/drivers/clouds/x/driver.ts': '',
      'src/drivers/clouds/x/options.ts': '',
      'src/drivers/clouds/x/README.md': '',
      'src/drivers/clouds/x/x.test.ts': '',
    },
  },
};

/** What is loaded together with driver.ts: everything it reaches without `await import`. */
function loadedWith(driver: File, byPath: ReadonlyMap<string, File>): File[] {
  const loaded = new Set([driver]);
  for (const file of loaded) {
    for (const each of importsOf(file)) {
      const target = each.target === null || each.lazy || each.typeOnly ? undefined : byPath.get(each.target);
      if (target?.path.startsWith('src/drivers/')) loaded.add(target);
    }
  }
  return [...loaded];
}

export const lightManifests: Rule = {
  name: "a driver's manifest loads without the vendor's package",
  check: (project) => {
    const byPath = new Map(sources(project).map((file) => [file.path, file]));
    const drivers = sources(project).filter((file) => /^src\/drivers\/[^/]+\/[^/]+\/driver\.ts$/.test(file.path));
    return drivers.flatMap((driver) =>
      loadedWith(driver, byPath).flatMap((file) =>
        importsOf(file)
          .filter((each) => !each.lazy && !each.typeOnly && each.target === null && packageOf(each.specifier) !== 'zod')
          .map((each) => ({
            path: file.path,
            line: each.line,
            message: `loads ${each.specifier} together with the manifest. Open the driver with \`await import('./…')\` in driver.ts, or import the package where it is used: every manifest is read for docs and validation`,
          })),
      ),
    );
  },
  bad: {
    'in driver.ts': { 'src/drivers/notifiers/email/driver.ts': "import { createTransport } from 'nodemailer';" },
    'behind it': {
      'src/drivers/notifiers/email/driver.ts': "import { send } from './email.ts';",
      'src/drivers/notifiers/email/email.ts': "import { createTransport } from 'nodemailer';",
    },
    'a Node module': { 'src/drivers/stores/sqlite/driver.ts': "import { DatabaseSync } from 'node:sqlite';" },
  },
  good: {
    lazily: {
      'src/drivers/notifiers/email/driver.ts': "import { z } from 'zod'; import type { T } from 'nodemailer'; export const open = () => import('./email.ts');",
      'src/drivers/notifiers/email/email.ts': "import { createTransport } from 'nodemailer';",
    },
  },
};

const REGISTRY = 'src/app/registry.ts';

export const everyDriverRegistered: Rule = {
  name: 'every driver has its lazy line in the registry',
  check: (project) => {
    const registry = project.files.find((file) => file.path === REGISTRY);
    if (registry === undefined) return [];
    const lines = importsOf(registry).filter((each) => each.target?.startsWith('src/drivers/'));
    const eager = lines.filter((each) => !each.lazy && !each.typeOnly);
    const listed = new Set(lines.filter((each) => each.lazy).map((each) => each.target));
    const absent = [...folders(project).keys()].filter((folder) => !folder.startsWith('src/drivers/stores/') && !listed.has(`${folder}/driver.ts`));
    return [
      ...eager.map((each) => ({ path: REGISTRY, line: each.line, message: `loads ${each.specifier} at start. Write () => import('${each.specifier}')` })),
      ...absent.map((folder) => ({ path: folder, line: null, message: `is not in ${REGISTRY}: one line, () => import('../${folder.slice(4)}/driver.ts')` })),
    ];
  },
  bad: {
    absent: { [REGISTRY]: 'export const drivers = {};', 'src/drivers/clouds/x/driver.ts': '' },
    eager: { [REGISTRY]: "import { manifest } from '../drivers/clouds/x/driver.ts';", 'src/drivers/clouds/x/driver.ts': '' },
  },
  good: { lazy: { [REGISTRY]: "export const drivers = { 'cloud/x': () => import('../drivers/clouds/x/driver.ts') };", 'src/drivers/clouds/x/driver.ts': '' } },
};
