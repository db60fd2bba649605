import type { z } from 'zod';
import type { Reading } from '../core/model/reading.ts';
import type { DriverPorts, ManifestBase } from './driver.ts';

/** Where readings come from. A source never throws for a bad or missing value: it says missing(reason). */
export interface Source<Query = unknown> {
  /** One value now. Problems of the source itself are missing('source-error', …). */
  read(query: Query, signal: AbortSignal): Promise<Reading>;
  /** Past values, oldest first, where the source keeps them (can.range). */
  readRange?(query: Query, range: { fromMs: number; toMs: number; stepMs: number }, signal: AbortSignal): Promise<readonly Reading[]>;
}

export interface SourceManifest<Options extends z.ZodType = z.ZodType, Query extends z.ZodType = z.ZodType> extends ManifestBase<'source', Options> {
  /** What one metric asks; the user writes it beside `from:`. A string is also accepted where the schema allows it. */
  readonly query: Query;
  readonly can: { readonly range: boolean };
  open(options: z.output<Options>, ports: DriverPorts): Promise<Source<z.output<Query>>>;
}
