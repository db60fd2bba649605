/** docs/reference/drivers.md: what drivers there are and what each takes, from their manifests. */
import { existsSync } from 'node:fs';
import { describeField } from '../../src/config/config.ts';
import { alignedTable, code, demanded, head, listed, page, table, written } from './markdown.mjs';

const ROOT = new URL('../../', import.meta.url);

const KINDS = [
  {
    title: 'Clouds',
    key: 'clouds',
    one: 'cloud',
    folder: 'clouds',
    path: 'clouds',
    about: 'Where machines live. Written under `clouds`; what one machine is made of stands under `template`.',
  },
  {
    title: 'Balancers',
    key: 'balancers',
    one: 'balancer',
    folder: 'balancers',
    path: 'balancers',
    about: 'What spreads traffic over machines. Written under `balancers`, or in a group as `balancer: { haproxy: SOCKET, backend: web }`.',
  },
  {
    title: 'Sources',
    key: 'sources',
    one: 'source',
    folder: 'sources',
    path: 'sources',
    about: 'Where readings come from. Written under `sources`; a metric names one with `from`, and its query stands beside that.',
  },
  {
    title: 'Alert formats',
    key: 'alertFormats',
    one: 'alert-format',
    folder: 'alerts',
    path: 'receivers',
    about: 'What `POST /hooks/NAME` understands. Written under `receivers`.',
  },
  {
    title: 'Hooks',
    key: 'hooks',
    one: 'hook',
    folder: 'hooks',
    path: 'hooks',
    about: 'Steps of your own in the life of a machine. Written under `hooks` of a group.',
  },
  { title: 'Notifiers', key: 'notifiers', one: 'notifier', folder: 'notifiers', path: 'notify', about: 'Who is told. Written under `notify`.' },
];

const MILLISECONDS = (ms) => (ms >= 60_000 && ms % 60_000 === 0 ? `${ms / 60_000} min` : ms >= 1000 ? `${ms / 1000} s` : `${ms} ms`);
const IDEMPOTENCY = {
  token: 'gives the first machine again: two creates with one token are one machine',
  'unique-name': 'is refused by the name: two creates with one name are one machine',
  none: 'may make a second machine, so Drover waits for the list instead of repeating it',
};

/** Abilities in words. They are data: what a driver cannot do is never asked of it. */
function abilities(kind, manifest) {
  const { can } = manifest;
  if (kind === 'clouds') {
    return [
      `a repeated create ${IDEMPOTENCY[can.idempotency]}`,
      `a new machine may be missing from lists for ${MILLISECONDS(can.consistencyMs)}`,
      `one create or delete takes at most ${MILLISECONDS(can.callLimitMs)}, ${can.concurrency} at once`,
      can.zones ? 'places machines in zones' : 'has no zones',
      can.prices ? 'tells prices' : 'tells no prices',
      can.cpu ? 'reports CPU' : 'reports no CPU',
    ].concat(manifest.abilities === undefined ? [] : ['the options below change these']);
  }
  if (kind === 'balancers')
    return [
      can.sessions ? 'tells open sessions' : 'cannot tell open sessions',
      can.checks ? 'checks members itself' : 'does not check members',
      `one call takes at most ${MILLISECONDS(can.callLimitMs)}`,
    ];
  if (kind === 'sources') return [can.range ? 'keeps history' : 'has no history'];
  if (kind === 'alertFormats')
    return [manifest.hmac === null ? 'the sender cannot sign: bearer or basic' : `the sender can sign: ${code(manifest.hmac.header)}`];
  return [];
}

function fields(prefix, registry) {
  const info = describeField(prefix, registry);
  if (info === null || info.fields.length === 0) return '';
  const rows = info.fields.map(({ name }) => {
    const field = describeField(`${prefix}.${name}`, registry);
    const takes = field.values.length > 0 ? listed(field.values) : field.type;
    const preset = field.default === undefined || written(field.default) === '{}' ? demanded(field) : code(written(field.default));
    return [code(name), takes, preset, field.description];
  });
  return table(['field', 'takes', 'default', 'meaning'], rows);
}

function section(kind, manifest, registry) {
  const readme = `src/drivers/${kind.folder}/${manifest.id}/README.md`;
  const can = abilities(kind.key, manifest);
  const parts = [
    `### ${kind.one}: ${manifest.id}`,
    `**${manifest.title}.** ${manifest.summary}${existsSync(new URL(readme, ROOT)) ? ` More: [what it needs and its gotchas](../../${readme}).` : ''}`,
    can.length === 0 ? '' : can.map((each) => `- ${each}`).join('\n'),
  ];
  const options = fields(`${kind.path}.${manifest.id}`, registry);
  parts.push(options === '' ? 'It takes no options.' : options);
  if (kind.key === 'clouds') {
    const template = fields(`template.${manifest.id}`, registry);
    parts.push('Fields of one machine (`template`):', template === '' ? describeField(`template.${manifest.id}`, registry).description : template);
  }
  if (kind.key === 'sources') parts.push('Fields of a metric, beside `from`:', fields(`metrics.${manifest.id}`, registry));
  return page(...parts);
}

/** Kinds with their drivers, one line each: the table of README.md. */
export function driverTable(registry) {
  const rows = KINDS.map((kind) => [
    kind.title.toLowerCase(),
    Object.values(registry[kind.key])
      .map((manifest) => `[${code(manifest.id)}](docs/reference/drivers.md#${kind.one}-${manifest.id})`)
      .join(', '),
  ]);
  return alignedTable(['kind', 'there today'], rows);
}

export function driversPage(registry) {
  return page(
    head('Drivers', 'the manifests in src/drivers'),
    'Everything outside Drover is reached through a driver. Each is one folder with its options, its notes and the tests of the contract of its kind.',
    ...KINDS.flatMap((kind) => [`## ${kind.title}`, kind.about, ...Object.values(registry[kind.key]).map((manifest) => section(kind, manifest, registry))]),
  );
}
