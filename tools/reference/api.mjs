/** docs/reference/api.md, from the same document that /openapi.json is. */
import { contract } from '../../src/api/contract.ts';
import { openapiDocument } from '../../src/api/openapi.ts';
import { code, head, page, table } from './markdown.mjs';

const TAGS = [
  ['look', 'Looking', 'Reading, and asking without effect.'],
  ['act', 'Acting on groups', ''],
  ['instances', 'Single instances', ''],
  ['config', 'Configuration', ''],
  ['admin', 'Administration', ''],
  ['world', 'For other systems', 'Routes that foreign systems call.'],
];

const ACCESS = {
  open: 'nobody is asked',
  scrape: 'open on loopback, else `viewer`',
  receiver: "the receiver's own proof, or a token of the role `receiver` named as it is",
  viewer: '`viewer`',
  operator: '`operator`',
  admin: '`admin`',
};

function typeOf(schema = {}) {
  if (schema.$ref !== undefined) return schema.$ref.split('/').at(-1);
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.enum !== undefined) return schema.enum.map((each) => JSON.stringify(each)).join(' or ');
  const choices = schema.anyOf ?? schema.oneOf;
  if (choices !== undefined) return [...new Set(choices.map(typeOf))].join(' or ');
  if (schema.type === 'array') return `list of ${typeOf(schema.items)}`;
  if (schema.type === 'object')
    return schema.additionalProperties === undefined || schema.additionalProperties === false ? 'map' : `map of ${typeOf(schema.additionalProperties)}`;
  return Array.isArray(schema.type) ? schema.type.join(' or ') : (schema.type ?? 'any JSON');
}

const preset = (schema) => (schema.default === undefined || schema.default === null ? '' : ` Default ${code(JSON.stringify(schema.default))}.`);

function inputs(operation) {
  const rows = operation.parameters.map((each) => [code(each.name), each.in, typeOf(each.schema), `${each.description ?? ''}${preset(each.schema)}`.trim()]);
  const body = operation.requestBody?.content['application/json'].schema;
  for (const [name, schema] of Object.entries(body?.properties ?? {}))
    rows.push([code(name), 'body', typeOf(schema), `${schema.description ?? ''}${preset(schema)}`.trim()]);
  return rows.length === 0 ? '' : table(['input', 'in', 'type', ''], rows);
}

function reply(operation) {
  const [status, done] = Object.entries(operation.responses).find(([each]) => each.startsWith('2') && each !== '200') ?? ['200', operation.responses[200]];
  const [type, content] = Object.entries(done.content)[0];
  const document = content.schema.$ref === undefined ? code(type) : code(content.schema.$ref.split('/').at(-1));
  return `Needs: ${ACCESS[operation['x-drover-access']]}. Answers ${status} with ${document}.`;
}

function documents(schemas) {
  return Object.entries(schemas).map(([name, schema]) => {
    const rows = Object.entries(schema.properties ?? {}).map(([field, each]) => [code(field), typeOf(each), each.description ?? '']);
    return page(`### ${name}`, rows.length === 0 ? `A ${typeOf(schema)}.` : table(['field', 'type', ''], rows));
  });
}

export function apiPage(version) {
  const document = openapiDocument(version);
  const sections = TAGS.map(([tag, title, about]) => {
    const routes = Object.entries(contract).filter(([, route]) => route.tag === tag);
    const texts = routes.map(([, route]) => {
      const operation = document.paths[route.path][route.method.toLowerCase()];
      return page(`### ${route.method} ${route.path}`, `${operation.summary} ${reply(operation)}`, inputs(operation));
    });
    return page(`## ${title}`, about, ...texts);
  });
  return page(
    head('API', 'src/api/contract.ts'),
    `HTTP and JSON. The same as an OpenAPI 3.1 document: [openapi.json](openapi.json), and ${code('GET /openapi.json')} of a running controller.

- **Who:** ${code('Authorization: Bearer TOKEN')}. Roles are viewer, operator and admin, each with the rights of those before; ${code('receiver')} tokens may deliver alerts and nothing else.
  Only hashes of tokens are kept. A credential in the address is refused (401) and should be replaced.
- **In place of Jenkins:** a receiver of the format ${code('jenkins')} also serves ${code('/generic-webhook-trigger/invoke')}, ${code('/job/…')}, ${code('/queue/item/…')} and ${code('/crumbIssuer/api/json')} as Jenkins does,
  with its own shapes and errors: see [the format](../../src/drivers/alerts/jenkins/README.md). The generic webhook alone takes its token in the address.
- **Times** are ISO 8601 in UTC, durations are seconds (${code('for_s')}), sizes are numbers of instances. ${code('null')} is "not known" or "none", never zero.
- **Documents** name themselves in ${code('schema')}, e.g. ${code('drover.decision/v1')}. They only grow: ignore fields you do not know.
- **Input** is strict: an unknown field, a duplicate key or a wrong type is 422 or 400, and nothing happens. Bodies have at most 1 MiB.
- **Errors** are problem documents: see [error codes](error-codes.md#api).
- **Pages:** pass ${code('next')} of a reply as ${code('before')}.
- **Stream:** ${code('GET /api/v1/events/stream')} sends each event with its number as ${code('id')}; after a break it goes on behind ${code('Last-Event-ID')}.`,
    ...sections,
    '## Documents',
    ...documents(document.components.schemas),
  );
}

export const openapiText = (version) => `${JSON.stringify(openapiDocument(version), null, 2)}\n`;
