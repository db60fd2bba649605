/** docs/reference/configuration.md: every field of the file, from the schema that reads it. */
import { describeField, fieldPaths } from '../../src/config/config.ts';
import { POLICIES } from '../../src/core/policies/policies.ts';
import { code, demanded, head, listed, page, table, written } from './markdown.mjs';

/** Sections in the order of the page: where they begin, and fields below that have a section of their own. */
const SECTIONS = [
  { title: 'The file', at: '', own: ['version', 'prometheus'] },
  { title: 'server', at: 'server' },
  { title: 'defaults', at: 'defaults' },
  { title: 'clouds', at: 'clouds', more: 'Beside `type` stand the options of the driver: see [drivers](drivers.md#clouds).' },
  { title: 'sources', at: 'sources', more: 'Beside `type` stand the options of the driver: see [drivers](drivers.md#sources).' },
  { title: 'templates', at: 'templates', more: 'Beside these stand the fields of one machine of that cloud: see [drivers](drivers.md#clouds).' },
  { title: 'balancers', at: 'balancers', more: 'Beside `type` stand the options of the driver: see [drivers](drivers.md#balancers).' },
  { title: 'receivers', at: 'receivers', more: 'Beside these stand the options of the format: see [drivers](drivers.md#alert-formats).' },
  { title: 'notify', at: 'notify', more: 'Beside these stand the options of the driver: see [drivers](drivers.md#notifiers).' },
  { title: 'groups', at: 'groups', without: ['metrics', 'target', 'policies', 'limits', 'health', 'lifecycle', 'hooks', 'freezes', 'template'] },
  {
    title: 'groups: template',
    at: 'groups.*.template',
    more: 'Beside these stand the fields of one machine of the cloud: see [drivers](drivers.md#clouds). A text instead is the name of a template under `templates`.',
  },
  { title: 'groups: metrics', at: 'groups.*.metrics', more: 'Beside these stand the fields of the query to the source: see [drivers](drivers.md#sources).' },
  { title: 'groups: target', at: 'groups.*.target', more: 'With `from`, the fields of a query to that source may stand here too.' },
  { title: 'groups: policies', at: 'groups.*.policies', more: 'Beside these stand the fields of the type, below.' },
  { title: 'groups: limits', at: 'groups.*.limits' },
  { title: 'groups: health', at: 'groups.*.health' },
  { title: 'groups: lifecycle', at: 'groups.*.lifecycle' },
  { title: 'groups: hooks', at: 'groups.*.hooks', more: 'Beside these stand the fields of the kind of hook: see [drivers](drivers.md#hooks).' },
  { title: 'groups: freezes', at: 'groups.*.freezes' },
];

/** Where a secret is kept is told once, at the top; lists of secrets repeat it. */
const isSecretPart = (path) => /\.(env|file)$/.test(path) && /\.(bearer|password|secret)(\.#)?\.(env|file)$/.test(path);

function takes(info) {
  const words = info.values.map((value) => code(String(value)));
  if (words.length === 0) return info.type;
  const rest = info.type.replace(/^one of a few words$/, '').replace(/(, | or )?one of a few words( or )?/, '');
  return [...words, rest].filter((part) => part !== '').join(' or ');
}

const standard = (info) => (info.default !== undefined && written(info.default) !== '{}' ? code(written(info.default)) : demanded(info));

function says(info) {
  const example = info.example === undefined || written(info.example) === written(info.default) ? '' : ` E.g. ${code(written(info.example))}`;
  return `${info.description}${example}`;
}

const rowOf = (name, info) => [code(name), takes(info), standard(info), says(info)];
const COLUMNS = ['field', 'takes', 'default', 'meaning'];

/** Fields of one section by their names below it, `*` for a name, those of lists without their `#`. */
function rowsOf(section, paths, registry) {
  const prefix = section.at === '' ? '' : `${section.at}.`;
  const seen = new Set();
  return paths.flatMap((path) => {
    if (section.own !== undefined ? !section.own.includes(path) : !path.startsWith(prefix) || isSecretPart(path)) return [];
    const name = path.slice(prefix.length).replaceAll('.#', '').replace(/^#\./, '');
    const field = section.at === 'groups' ? name.replace(/^\*\./, '') : name;
    if (seen.has(field) || (section.without ?? []).some((each) => field === each || field.startsWith(`${each}.`))) return [];
    seen.add(field);
    return [rowOf(field.replace(/^\*\./, ''), describeField(path, registry))];
  });
}

function policies(registry) {
  return Object.values(POLICIES).map(({ type, title, summary }) => {
    const info = describeField(`policies.${type}`, registry);
    const rows = info.fields.map(({ name }) => {
      const field = describeField(`policies.${type}.${name}`, registry);
      const inner = field.fields.map((each) => `${code(each.name)}: ${each.description}`).join(' ');
      const [first, second, third, fourth] = rowOf(name, field);
      return [first, second, third, inner === '' ? fourth : `${fourth} ${inner}`];
    });
    return `### ${type}\n\n**${title}.** ${summary}\n\n${table(COLUMNS, rows)}`;
  });
}

export function configurationPage(registry) {
  const known = new Set(Object.keys(POLICIES).map((type) => `policies.${type}`));
  const paths = fieldPaths(registry).filter(
    (path) => ![...known].some((type) => path === type || path.startsWith(`${type}.`)) && !isDriverField(path, registry),
  );
  const told = new Set(SECTIONS.flatMap((section) => [section.at, ...(section.own ?? [])]));
  const untold = paths.filter((path) => !path.includes('#') && ![...told].some((at) => path === at || (at !== '' && path.startsWith(`${at}.`))));
  const gone = SECTIONS.filter((section) => section.at !== '' && describeField(section.at, registry) === null);
  if (untold.length + gone.length > 0)
    throw new Error(
      `tools/reference/configuration.mjs: no section for ${untold.join(', ') || 'nothing'}; nothing at ${gone.map((each) => each.at).join(', ') || 'nothing'}`,
    );
  const sections = SECTIONS.map((section) => {
    const info = section.at === '' ? null : describeField(section.at, registry);
    const about =
      info === null
        ? ''
        : `${info.description}${info.required ? ' Required.' : ''}${info.example === undefined ? '' : ` E.g. ${code(`${section.at.split('.').at(-1)}: ${written(info.example)}`)}`}`;
    const level = section.title.startsWith('groups: ') ? '###' : '##';
    const own = section.title === 'groups: policies' ? policies(registry).map((text) => text.replace('### ', '#### ')) : [];
    return page(`${level} ${section.title}`, about, table(COLUMNS, rowsOf(section, paths, registry)), section.more ?? '', ...own);
  });
  return page(
    head('Configuration', 'the schema in src/config and core/policies'),
    `One YAML file. It is the truth: it is read again when it changes, and a file with mistakes changes nothing. ${code('drover validate')} checks it,
${code('drover explain FIELD')} says the same as this page, and ${code('drover config show --expanded')} prints the running file with every default filled in.
The complete example is [examples/full.drover.yaml](../../examples/full.drover.yaml); editors complete and check with [schema/drover.schema.json](../../schema/drover.schema.json).`,
    `## How values are written

- **Durations** carry a unit: ${listed(['500ms', '30s', '5m', '1h30m', '10d', '2w'], 'and')}. A number alone is refused.
- **Percentages** carry their sign: ${code('60%')}.
- **Steps** are a count, a share of the present target, or the larger of both: ${listed(['4', '20%', 'max(1, 20%)'])}.
- **Changes** are relative, ${listed(['+2', '-1', '+30%'])}, or absolute, ${code('to 5')}. YAML reads ${code('+2')} as 2, so a plain number is relative.
- **Money** is ${code('0.0066 EUR/h')} or ${code('120 EUR/month')}.
- **Secrets** are never written here, only where they are kept: ${code('{ file: PATH }')}, relative to this file, ${code('{ env: NAME }')}, or ${code('{ secret: NAME }')}, encrypted in the state directory (${code('drover secret set NAME')}).
- **Names** of what you configure begin with a letter and have letters, digits, ${code('-')} and ${code('_')}; names of groups also begin the names of machines, so they are a-z, 0-9 and ${code('-')}.
- A field is **required** where the map around it is written, and **one of** several where that map has forms: then exactly one of them.
- Unknown fields are errors. The file has at most 256 KiB.`,
    ...sections,
  );
}

function isDriverField(path, registry) {
  const [section, id] = path.split('.');
  const tables = {
    clouds: registry.clouds,
    sources: registry.sources,
    balancers: registry.balancers,
    receivers: registry.alertFormats,
    hooks: registry.hooks,
    notify: registry.notifiers,
    template: registry.clouds,
    metrics: registry.sources,
  };
  return tables[section] !== undefined && id !== undefined && Object.hasOwn(tables[section], id);
}
