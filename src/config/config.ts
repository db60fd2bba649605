/** The configuration: what the rest of the product uses of it. */
export type { CodeInfo } from './code-info.ts';
export { CODES, ERROR_CODES, type ErrorCode, explainCode } from './codes.ts';
export type { Diagnostic } from './diagnostic.ts';
export { type ConfigChange, diffConfigs, printChanges } from './diff.ts';
export type { DriverIds, DriverRef, ManifestRegistry } from './drivers.ts';
export { describeField, type FieldInfo, fieldPaths, suggestField } from './fields.ts';
export { jsonSchema } from './json-schema.ts';
export {
  type ConfigSource,
  type ConfiguredDriver,
  type LoadedConfig,
  type LoadOptions,
  type LoadResult,
  loadConfig,
  type NotifierConfig,
  neededDrivers,
  type ReceiverConfig,
  type ServerConfig,
} from './load.ts';
export { type LspDiagnostic, lspOf, type Paint, printDiagnostic, printDiagnostics, tally } from './print.ts';
export { expandedJson, printExpanded } from './print-expanded.ts';
export { type SecretReference, secretReferences } from './secret-references.ts';
export { isLoopback } from './sense-rest.ts';
export { type WrittenUrl, writtenUrls } from './written-urls.ts';
