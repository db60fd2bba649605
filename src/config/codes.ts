import type { CodeInfo } from './code-info.ts';
import { SENSE_CODES } from './codes-sense.ts';
import { SHAPE_CODES } from './codes-shape.ts';

/** The closed list of what can be wrong with a configuration. */
export const CODES = { ...SHAPE_CODES, ...SENSE_CODES } as const satisfies Readonly<Record<string, CodeInfo>>;

export type ErrorCode = keyof typeof CODES;
export const ERROR_CODES = Object.keys(CODES) as readonly ErrorCode[];

/** What is known of a code, or null. */
export function explainCode(code: string): (CodeInfo & { readonly code: ErrorCode }) | null {
  const key = code.toUpperCase();
  return Object.hasOwn(CODES, key) ? { code: key as ErrorCode, ...CODES[key as ErrorCode] } : null;
}
