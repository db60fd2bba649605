/** Any text as a configuration: a valid one, or mistakes that each have a place and words; never an exception, never long. */
import { createHash } from 'node:crypto';
import { expect, it } from 'vitest';
import { loadRegistry } from '../../src/app/config-file.ts';
import { CODES } from '../../src/config/codes.ts';
import { type Diagnostic, frameOf, lineText } from '../../src/config/diagnostic.ts';
import { idsOf } from '../../src/config/drivers.ts';
import { type LoadResult, loadConfig, neededDrivers } from '../../src/config/load.ts';
import { lspOf, printDiagnostics } from '../../src/config/print.ts';
import { expandedJson, printExpanded } from '../../src/config/print-expanded.ts';
import { configText } from './support/config-documents.ts';
import { fuzz } from './support/fuzz.ts';
import { smallerTexts } from './support/mutate-text.ts';

const registry = await loadRegistry('every');
const ids = idsOf(registry);
const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
const file = 'drover.yaml';
const load = (text: string): LoadResult =>
  loadConfig({ file, text }, registry, { sha256, fileExists: (path) => path.length % 2 === 0, everyoneReads: () => false });

function need(holds: boolean, what: string): void {
  if (!holds) throw new Error(what);
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not reach a terminal
const ONE_LINE = /[\u0000-\u001f\u007f]/;

/** Places and words a person, an editor and the API can use. */
function checkDiagnostic(d: Diagnostic, text: string, lines: number): void {
  const where = `${d.code} at ${d.line}:${d.column}-${d.endColumn} of ${lines} lines`;
  need(Object.hasOwn(CODES, d.code) && CODES[d.code].severity === d.severity, `${where}: no such code and severity`);
  need(Number.isInteger(d.line) && d.line >= 1 && d.line <= lines, `${where}: no such line`);
  const length = lineText(frameOf(text, file), d.line).length;
  need(Number.isInteger(d.column) && d.column >= 1 && d.column <= length + 1, `${where}: the line has ${length} characters`);
  need(
    Number.isInteger(d.endColumn) && d.endColumn > d.column && d.endColumn <= Math.max(length + 1, d.column + 1),
    `${where}: it ends behind the line (${length})`,
  );
  for (const words of [d.message, d.label, d.help, d.docs]) need(words !== '' && words.length < 5000, `${where}: words are missing or endless`);
  need(!ONE_LINE.test(d.message) && !ONE_LINE.test(d.label), `${where}: control characters in ${JSON.stringify(d.message + d.label)}`);
  const lsp = lspOf(d);
  need(lsp.range.start.line >= 0 && lsp.range.end.character > lsp.range.start.character, `${where}: no range for editors`);
}

function checkDiagnostics(diagnostics: readonly Diagnostic[], text: string): void {
  const { lineStarts } = frameOf(text, file);
  for (const d of diagnostics) checkDiagnostic(d, text, lineStarts.length);
  const printed = printDiagnostics(diagnostics.slice(0, 20), text);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: as above, but for our own line feeds
  need(!/[\u0000-\u0009\u000b-\u001f\u007f]/.test(printed), `control characters reach the terminal: ${JSON.stringify(printed)}`);
}

let valid = 0;
let refused = 0;

/** The long form of a valid file is valid and means the same. */
function checkValid(text: string, result: Extract<LoadResult, { ok: true }>, twice: boolean): void {
  const { config } = result;
  need(/^[0-9a-f]{12}$/.test(config.hash), `the hash is ${config.hash}`);
  checkDiagnostics(config.warnings, text);
  JSON.stringify(expandedJson(config.expanded));
  for (const group of config.groups) {
    need(group.min <= group.max && Number.isSafeInteger(group.max) && group.evaluateEveryMs > 0, `${group.name} has ${group.min} to ${group.max}`);
    expect(Object.getPrototypeOf(group)).toBe(Object.prototype);
  }
  const long = printExpanded(config.expanded);
  if (!twice) return;
  const again = load(long);
  if (!again.ok) throw new Error(`its long form is refused: ${again.diagnostics.find((d) => d.severity === 'error')?.message}\n${long}`);
  need(again.config.hash === config.hash, `its long form means something else:\n${long}`);
  need(printExpanded(again.config.expanded).replaceAll('  # default', '') === long.replaceAll('  # default', ''), 'its long form has another long form');
}

function checkText(text: string): void {
  const result = load(text);
  if (text.length % 8 === 0) neededDrivers({ file, text }, ids);
  if (result.ok) {
    checkValid(text, result, ++valid % 3 === 0);
    return;
  }
  refused++;
  need(
    result.diagnostics.some((d) => d.severity === 'error'),
    'refused without an error',
  );
  checkDiagnostics(result.diagnostics, text);
}

it('whatever a configuration holds, it is loaded or refused with places and words', async () => {
  await fuzz({ name: 'config', make: configText, check: checkText, show: (text) => JSON.stringify(text), shrink: smallerTexts });
  // Both halves of the loader were reached, not its door only.
  if (process.env['FUZZ_AT'] === undefined) {
    expect(valid).toBeGreaterThan(refused / 50);
    expect(refused).toBeGreaterThan(valid);
  }
});
