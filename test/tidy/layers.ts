/** Who may import whom: the table of ARCHITECTURE.md. */
import { allImports, type Import, packageOf } from './imports.ts';
import type { Finding, Rule } from './project.ts';

interface Layer {
  /** Folders below src/, or single files without their ending. `*` = all but those in `not`. */
  readonly may: readonly string[];
  readonly not?: readonly string[];
  /** npm packages. */
  readonly packages: readonly string[];
  /** Said to whoever crosses the line. */
  readonly instead: string;
}

export const LAYERS: Readonly<Record<string, Layer>> = {
  core: { may: ['core'], packages: ['zod'], instead: 'the core is pure: what it needs from outside enters as a value in the snapshot' },
  ports: { may: ['ports', 'core/model'], packages: ['zod'], instead: 'ports only name what the engine needs: types of core/model and schemas' },
  kit: { may: ['kit', 'ports', 'core/model'], packages: ['zod', 'croner'], instead: 'kit is what drivers share: give it what it needs as a parameter' },
  platform: { may: ['platform', 'ports'], packages: ['undici', 'pino'], instead: 'platform implements ports; a type both need lives in ports' },
  engine: { may: ['engine', 'ports', 'core'], packages: ['zod'], instead: 'the engine reaches the world through ports; app hands it the implementation' },
  // croner here only says whether an expression is one; occurrences are computed in kit.
  config: {
    may: ['config', 'ports', 'core'],
    packages: ['zod', 'yaml', 'croner'],
    instead: 'config reads values; app hands it manifests and files through ports',
  },
  // The memory store is the simulator's store; a suite of its own proves that it behaves as the others do.
  sim: {
    may: ['sim', 'engine', 'kit', 'ports', 'core', 'drivers/stores/memory', 'platform/one-turn'],
    packages: ['zod'],
    instead: 'the simulator is a world for the engine: it implements ports',
  },
  backtest: { may: ['backtest', 'engine', 'kit', 'ports', 'core'], packages: ['zod'], instead: 'back-tests replay loads through the decision code' },
  emulators: { may: ['emulators', 'kit', 'ports'], packages: ['zod', 'undici'], instead: "an emulator knows the vendor's protocol, not our engine" },
  api: {
    may: ['api', 'engine', 'ports', 'core'],
    packages: ['zod', 'fastify', 'fastify-type-provider-zod', '@fastify/swagger', 'prom-client'],
    instead: 'the API asks the engine; app hands it everything else',
  },
  testing: {
    may: ['testing', 'ports', 'core'],
    packages: ['zod', 'vitest', 'fast-check'],
    instead: 'contract suites know ports only, so that outside drivers can run them',
  },
  app: { may: ['*'], not: ['cli', 'web'], packages: ['zod', 'pino', 'yaml'], instead: 'app wires; what people see is in cli and web, which import app' },
  cli: {
    may: ['cli', 'app', 'api/client', 'api/contract'],
    packages: ['commander', 'cli-table3', 'zod', 'yaml'],
    instead: 'a command asks app or the API client',
  },
  entrances: { may: ['entrances', 'ports', 'kit', 'core', 'testing'], packages: ['zod'], instead: 'what outside drivers may use is re-exported here' },
};

const DRIVERS: Layer = {
  may: ['kit', 'ports', 'core/model'],
  packages: [],
  instead: 'a driver knows kit, ports, core/model and its own folder; what two drivers share belongs in kit',
};

/** Packages only one place may use, with the reason. */
const EXTRA: Readonly<Record<string, readonly string[]>> = {
  // The expression library parses formulas; it never evaluates anything itself.
  'src/core/policies/formula': ['jsep'],
};

/** `src/drivers/clouds/local/client.ts` → `drivers/clouds/local`; `src/core/plan.ts` → `core`. */
export function layerOf(path: string): string {
  const parts = path.split('/');
  if (parts[0] !== 'src') return parts[0] ?? '';
  return parts[1] === 'drivers' ? parts.slice(1, 4).join('/') : (parts[1] ?? '');
}

function within(target: string, folder: string): boolean {
  return target.startsWith(`src/${folder}/`) || target.replace(/\.[a-z]+$/, '') === `src/${folder}`;
}

function mayReach(layer: Layer, own: string, target: string): boolean {
  if (within(target, own)) return true;
  if (layer.may.includes('*')) return !(layer.not ?? []).some((folder) => within(target, folder));
  return layer.may.some((folder) => within(target, folder));
}

/** The manifest of the package itself (its version) is data, not a layer. */
const DATA = /^(package\.json|schema\/)/;

function judge(each: Import): string | null {
  const own = layerOf(each.from);
  const layer = own.startsWith('drivers/') ? DRIVERS : LAYERS[own];
  if (layer === undefined) return `src/${own} is no layer. There are: ${Object.keys(LAYERS).join(', ')}, drivers`;
  if (each.target !== null) {
    if (DATA.test(each.target) || mayReach(layer, own, each.target)) return null;
    return `${own} may not import ${each.target}: ${layer.instead}`;
  }
  const name = packageOf(each.specifier);
  if (name === null || own.startsWith('drivers/')) return null;
  const allowed = [...layer.packages, ...Object.entries(EXTRA).flatMap(([prefix, list]) => (each.from.startsWith(prefix) ? list : []))];
  return allowed.includes(name) ? null : `${own} may not import the package ${name} (it may: ${allowed.join(', ') || 'none'}): ${layer.instead}`;
}

export const importTable: Rule = {
  name: 'layers import only what the table of ARCHITECTURE.md allows',
  check: (project) =>
    allImports(project).flatMap((each): Finding[] => {
      const message = judge(each);
      return message === null ? [] : [{ path: each.from, line: each.line, message }];
    }),
  bad: {
    'core imports the engine': { 'src/core/plan.ts': "import { run } from '../engine/cycle.ts';" },
    'a type import counts': { 'src/ports/cloud.ts': "import type { Cycle } from '../engine/cycle.ts';" },
    'an inline type counts': { 'src/core/plan.ts': "export let x: import('../ports/cloud.ts').Cloud;" },
    'a re-export counts': { 'src/kit/http.ts': "export * from '../platform/http.ts';" },
    'a lazy import counts': { 'src/engine/act.ts': "await import('../drivers/clouds/local/driver.ts');" },
    'a driver imports another driver': { 'src/drivers/clouds/local/local.ts': "import { x } from '../exec/exec.ts';" },
    'the CLI reaches past app': { 'src/cli/status.ts': "import { open } from '../drivers/stores/sqlite/driver.ts';" },
    'the CLI uses an inner part of the API': { 'src/cli/status.ts': "import { routes } from '../api/routes/groups.ts';" },
    'app imports the CLI': { 'src/app/wire.ts': "import { print } from '../cli/print.ts';" },
    'an unknown package': { 'src/core/decide.ts': "import lodash from 'lodash';" },
    'the expression library elsewhere': { 'src/core/decide.ts': "import jsep from 'jsep';" },
    'a folder that is no layer': { 'src/misc/thing.ts': "import { z } from 'zod';" },
  },
  good: {
    'the table': {
      'src/core/policies/formula.ts': "import jsep from 'jsep'; import { z } from 'zod'; import type { Group } from '../model/group.ts';",
      'src/drivers/clouds/local/driver.ts': "import { z } from 'zod'; import { once } from '../../../kit/once.ts'; import { x } from './options.ts';",
      'src/cli/status.ts': "import { client } from '../api/client.ts'; import type { Group } from '../api/contract/group.ts';",
      'src/app/wire.ts': "import { realClock } from '../platform/clock.ts'; import { Engine } from '../engine/engine.ts';",
      'src/core/plan.test.ts': "import { realClock } from '../platform/clock.ts';",
      'src/cli/version.ts': "import data from '../../package.json' with { type: 'json' };",
    },
  },
};
