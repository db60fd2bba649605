/** Writes drover.schema.json, the JSON Schema for editors, from the schemas of the format, its policies and all drivers. Run: node schema/write.ts */
import { writeFileSync } from 'node:fs';
import { DRIVERS } from '../src/app/registry.ts';
import type { ManifestRegistry } from '../src/config/drivers.ts';
import { jsonSchema } from '../src/config/json-schema.ts';

const tables: Record<string, Record<string, unknown>> = {};
for (const [key, load] of Object.entries(DRIVERS)) {
  const [kind = '', id = ''] = key.split('/');
  tables[kind] = { ...tables[kind], [id]: (await load()).manifest };
}
const registry = {
  clouds: tables['cloud'],
  balancers: tables['balancer'],
  sources: tables['source'],
  alertFormats: tables['alert-format'],
  hooks: tables['hook'],
  notifiers: tables['notifier'],
} as unknown as ManifestRegistry;
writeFileSync(new URL('drover.schema.json', import.meta.url), `${JSON.stringify(jsonSchema(registry), null, 2)}\n`);
