/**
 * `node tools/generate-reference.mjs [--check]`, on Node 24: writes docs/reference, the JSON Schema and the picture of README.md from the code. With
 * --check nothing is written; exit code 1 names the files that differ. A test holds them equal (test/docs/reference.test.ts).
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { loadRegistry } from '../src/app/config-file.ts';
import { VERSION } from '../src/app/version.ts';
import { jsonSchema } from '../src/config/config.ts';
import { apiPage, openapiText } from './reference/api.mjs';
import { errorCodesPage, reasonCodesPage } from './reference/codes.mjs';
import { configurationPage } from './reference/configuration.mjs';
import { driversPage, driverTable } from './reference/drivers.mjs';
import { eventsPage } from './reference/events.mjs';
import { metricsPage } from './reference/metrics.mjs';
import { exampleDecision, picture } from './reference/picture.mjs';
import { plantedBugsPage } from './reference/planted-bugs.mjs';

const ROOT = new URL('../', import.meta.url);

/** Replaces what stands between <!-- name --> and <!-- /name -->. */
function between(text, name, content) {
  const mark = new RegExp(`(<!-- ${name} -->\\n)[\\s\\S]*?(\\n<!-- /${name} -->)`);
  if (!mark.test(text)) throw new Error(`README.md has no <!-- ${name} --> … <!-- /${name} -->`);
  return text.replace(mark, (_, before, after) => `${before}\n${content}\n${after}`);
}

/** The table of drivers and the decision in README.md. */
function readme(registry) {
  const text = readFileSync(new URL('README.md', ROOT), 'utf8');
  return between(between(text, 'drivers', driverTable(registry)), 'why', `\`\`\`text\n${exampleDecision()}\n\`\`\``);
}

async function commandLinePage() {
  const url = new URL('src/cli/reference.ts', ROOT);
  if (!existsSync(url)) return {};
  const { renderCliReference } = await import(url.href);
  return { 'docs/reference/cli.md': await renderCliReference() };
}

/** Every generated file by its path from the root. */
export async function generate() {
  const registry = await loadRegistry('every');
  return {
    'docs/reference/configuration.md': configurationPage(registry),
    'docs/reference/drivers.md': driversPage(registry),
    'docs/reference/reason-codes.md': reasonCodesPage(),
    'docs/reference/error-codes.md': errorCodesPage(),
    'docs/reference/metrics.md': await metricsPage(),
    'docs/reference/api.md': apiPage(VERSION),
    'docs/reference/openapi.json': openapiText(VERSION),
    'docs/reference/events.md': eventsPage(),
    'docs/reference/planted-bugs.md': plantedBugsPage(),
    ...(await commandLinePage()),
    'schema/drover.schema.json': `${JSON.stringify(jsonSchema(registry), null, 2)}\n`,
    'docs/pictures/demand-and-capacity.svg': picture(),
    'README.md': readme(registry),
  };
}

/** Paths whose file is not what the code says. */
export async function differing(files) {
  return Object.entries(files).flatMap(([path, text]) => {
    const url = new URL(path, ROOT);
    return existsSync(url) && readFileSync(url, 'utf8') === text ? [] : [path];
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const files = await generate();
  const stale = await differing(files);
  if (process.argv.includes('--check')) {
    for (const path of stale) process.stdout.write(`${path} is not what the code says: node tools/generate-reference.mjs\n`);
    process.exitCode = stale.length > 0 ? 1 : 0;
  } else {
    for (const path of stale) {
      mkdirSync(dirname(fileURLToPath(new URL(path, ROOT))), { recursive: true });
      writeFileSync(new URL(path, ROOT), files[path]);
      process.stdout.write(`${path} written\n`);
    }
    if (stale.length === 0) process.stdout.write('The reference is as the code says.\n');
  }
}
