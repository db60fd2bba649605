/** Documents that are made from the sources: for `drover export` and the reference. */
import { openapiDocument } from '../api/openapi.ts';
import { jsonSchema } from '../config/config.ts';
import { loadRegistry } from './config-file.ts';
import { VERSION } from './version.ts';

export { ansibleInventory, inventoryName } from '../kit/ansible-inventory.ts';

export function exportOpenapi(): object {
  return openapiDocument(VERSION);
}

/** The configuration format with the options of every driver, draft-07. */
export async function exportSchema(): Promise<object> {
  return jsonSchema(await loadRegistry('every'));
}
