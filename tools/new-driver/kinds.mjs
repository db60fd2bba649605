/** What a new driver of each kind starts as: the methods of its port, each of which says that it is not written. */

const fromPorts = (file) => `'../../../ports/${file}.ts'`;

const urlOptions = ({ name, Type, title }) => `import { z } from 'zod';
import { secretRef } from '../../../kit/secret-ref.ts';
import { timeoutOption } from '../../../kit/timeout-option.ts';
import { urlOption } from '../../../kit/url-option.ts';

export const ${name}Options = z.strictObject({
  url: urlOption.describe('Address of ${title}.'),
  token: secretRef.describe('Token ${title} knows us by.').optional(),
  timeout: timeoutOption.default('10s').describe('Longest time for one call, 50ms to 1m. Default 10s.'),
});
export type ${Type}Options = z.output<typeof ${name}Options>;
`;

const readme = ({ title, id }) => `# ${title}

What \`${id}\` does, in two sentences, for somebody who has never heard of it.

## What it needs

Versions, permissions, settings on the other side.

## Gotchas

What it does that one would not expect: limits, delays, what it cannot tell.
`;

/** Rejects until the last method is written; then it goes. */
const notWritten = ({ id, folder }) => `
function notWritten(method: string): Promise<never> {
  return Promise.reject(new DriverError('bad-request', \`${id}: \${method} is not written yet (${folder}/${id}.ts)\`));
}
`;

const port = (names, { type, file, methods }) => `import type { DriverPorts } from ${fromPorts('driver')};
import type { ${type} } from ${fromPorts(file)};
import { DriverError } from ${fromPorts('errors')};
import type { ${names.Type}Options } from './options.ts';

export function open${names.Type}(_options: ${names.Type}Options, _ports: DriverPorts): ${type} {
  return {
${methods.map((method) => `    ${method}: () => notWritten('${method}'),`).join('\n')}
  };
}
${notWritten(names)}`;

const manifest = (names, { type, file, kind, imports = [], extra = '', generics = '', open }) => `import type { ${type} } from ${fromPorts(file)};
import { ${[`${names.name}Options`, ...imports].join(', ')} } from './options.ts';

export const manifest: ${type}<typeof ${names.name}Options${generics}> = {
  kind: '${kind}',
  id: '${names.id}',
  title: '${names.title}',
  summary: 'What it does, in one or two sentences, for the reference.',
  options: ${names.name}Options,
${extra}  ${open ?? `open: async (options, ports) => (await import('./${names.id}.ts')).open${names.Type}(options, ports),`}
};
`;

/** A contract whose setup says what has to be set up. */
const contract = (
  { folder, id, title },
  { suite, setupType, file, before = '', after = '' },
) => `import { type ${setupType}, ${suite} } from '../../../testing/${file}.ts';

${suite}(
  '${title}',${before}
  async (): Promise<${setupType}> => {
    throw new Error('${folder}/${id}.test.ts: start what the contract talks to (the real thing, or an emulator in src/emulators/), open the driver on it, and return both');
  },${after}
);
`;

export const KINDS = {
  cloud: {
    folder: 'clouds',
    files: (names) => ({
      'driver.ts': manifest(names, {
        type: 'CloudManifest',
        file: 'cloud',
        kind: 'cloud',
        imports: [`${names.name}Template`],
        generics: `, typeof ${names.name}Template`,
        extra: `  template: ${names.name}Template,
  // The most careful claims: raise each one when the contract shows that it holds.
  can: {
    idempotency: 'none',
    consistencyMs: 30_000,
    callLimitMs: 60_000,
    concurrency: 2,
    zones: false,
    prices: false,
    cpu: false,
    listsForeign: false,
  },
`,
      }),
      'options.ts': `${urlOptions(names)}
export const ${names.name}Template = z.strictObject({
  size: z.string().min(1).max(128).describe('Size of one machine, by its name in ${names.title}.'),
  image: z.string().min(1).max(256).describe('Image a machine starts from, by its name in ${names.title}.'),
});
export type ${names.Type}Template = z.output<typeof ${names.name}Template>;
`,
      [`${names.id}.ts`]: port(names, { type: 'Cloud', file: 'cloud', methods: ['list', 'get', 'create', 'delete'] }),
      [`${names.id}.test.ts`]: contract(names, { suite: 'cloudContract', setupType: 'CloudContractSetup', file: 'cloud-contract' }),
      'README.md': readme(names),
    }),
  },
  balancer: {
    folder: 'balancers',
    files: (names) => ({
      'driver.ts': manifest(names, {
        type: 'BalancerManifest',
        file: 'balancer',
        kind: 'balancer',
        extra:
          '  // The most careful claims: raise each one when the contract shows that it holds.\n  can: { sessions: false, checks: false, callLimitMs: 60_000 },\n',
      }),
      'options.ts': urlOptions(names),
      [`${names.id}.ts`]: port(names, { type: 'Balancer', file: 'balancer', methods: ['members', 'attach', 'drain', 'detach'] }),
      [`${names.id}.test.ts`]:
        `${contract(names, { suite: 'balancerContract', setupType: 'BalancerRig', file: 'balancer-contract', before: '\n  manifest.can,' })}`.replace(
          /^/,
          "import { manifest } from './driver.ts';\n",
        ),
      'README.md': readme(names),
    }),
  },
  source: {
    folder: 'sources',
    files: (names) => ({
      'driver.ts': manifest(names, {
        type: 'SourceManifest',
        file: 'source',
        kind: 'source',
        imports: [`${names.name}Query`],
        generics: `, typeof ${names.name}Query`,
        extra: `  query: ${names.name}Query,\n  can: { range: false },\n`,
      }),
      'options.ts': `${urlOptions(names)}
export const ${names.name}Query = z.strictObject({
  metric: z.string().min(1).max(256).describe('What to read, by its name in ${names.title}.'),
});
export type ${names.Type}Query = z.output<typeof ${names.name}Query>;
`,
      [`${names.id}.ts`]: `import { missing } from '../../../core/model/reading.ts';
import type { DriverPorts } from ${fromPorts('driver')};
import type { Source } from ${fromPorts('source')};
import type { ${names.Type}Options, ${names.Type}Query } from './options.ts';

/** A source never throws: what it cannot read is missing, with the reason. */
export function open${names.Type}(_options: ${names.Type}Options, ports: DriverPorts): Source<${names.Type}Query> {
  return {
    read: async (query) => missing('source-error', \`${names.id}: reading \${query.metric} is not written yet (${names.folder}/${names.id}.ts)\`, ports.clock.wall()),
  };
}
`,
      [`${names.id}.test.ts`]: `import type { ${names.Type}Query } from './options.ts';
${contract(names, {
  suite: 'sourceContract',
  setupType: 'SourceBench',
  file: 'source-contract',
  after: '\n  { nan: false, several: false, range: false },',
}).replace('Promise<SourceBench>', `Promise<SourceBench<${names.Type}Query>>`)}`,
      'README.md': readme(names),
    }),
  },
  notifier: {
    folder: 'notifiers',
    files: (names) => ({
      'driver.ts': manifest(names, { type: 'NotifierManifest', file: 'notifier', kind: 'notifier' }),
      'options.ts': urlOptions(names),
      [`${names.id}.ts`]: port(names, { type: 'Notifier', file: 'notifier', methods: ['send'] }),
      [`${names.id}.test.ts`]: contract(names, {
        suite: 'notifierContract',
        setupType: 'NotifierBench',
        file: 'notifier-contract',
        after: '\n  { refuses: true, throttles: true },',
      }),
      'README.md': readme(names),
    }),
  },
  hook: {
    folder: 'hooks',
    files: (names) => ({
      'driver.ts': manifest(names, { type: 'HookManifest', file: 'hook', kind: 'hook' }),
      'options.ts': urlOptions(names),
      [`${names.id}.ts`]: port(names, { type: 'Hook', file: 'hook', methods: ['run'] }),
      [`${names.id}.test.ts`]: contract(names, { suite: 'hookContract', setupType: 'HookContractSetup', file: 'hook-contract' }),
      'README.md': readme(names),
    }),
  },
  'alert-format': {
    folder: 'alerts',
    files: (names) => ({
      'driver.ts': manifest(names, {
        type: 'AlertFormatManifest',
        file: 'alert-format',
        kind: 'alert-format',
        extra: '  // Where the sender puts its signature; null: it cannot sign.\n  hmac: null,\n',
        open: `open: (options) => open${names.Type}(options),`,
      }).replace("from './options.ts';", `from './options.ts';\nimport { open${names.Type} } from './${names.id}.ts';`),
      'options.ts': `import { z } from 'zod';

export const ${names.name}Options = z.strictObject({
  name_from: z.string().min(1).max(128).default('alertname').describe('Label that holds the name of an alert. Default alertname.'),
});
export type ${names.Type}Options = z.output<typeof ${names.name}Options>;
`,
      [`${names.id}.ts`]: `import type { AlertFormat } from ${fromPorts('alert-format')};
import type { ${names.Type}Options } from './options.ts';

export function open${names.Type}(_options: ${names.Type}Options): AlertFormat {
  return {
    parse: () => ({ kind: 'malformed', why: '${names.id}: parse is not written yet (${names.folder}/${names.id}.ts)' }),
  };
}
`,
      [`${names.id}.test.ts`]: `import { type AlertFormatSamples, alertFormatContract } from '../../../testing/alert-format-contract.ts';
import { manifest } from './driver.ts';

/** Real bodies of the sender: each {} stands where one belongs. */
const samples: AlertFormatSamples = {
  firing: '{}',
  repeat: '{}',
  resolved: '{}',
  nextEpisode: '{}',
  ignored: ['{}'],
  foreign: ['{"another":"sender"}'],
  many: null,
  name: 'HighLoad',
  label: ['severity', 'critical'],
};

alertFormatContract('${names.title}', manifest.open(manifest.options.parse({})), samples, { starts: true });
`,
      'README.md': readme(names),
    }),
  },
};
