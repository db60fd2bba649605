/** What `drover explain` knows: reason codes of decisions, codes of the configuration, and its fields. */
import { CODES, type CodeInfo, describeField, type FieldInfo, suggestField } from '../config/config.ts';
import { nearest } from '../config/suggest.ts';
import { type CodeExplanation, explainCode } from '../core/explain.ts';
import { REASONS } from '../core/model/model.ts';
import { loadRegistry } from './config-file.ts';

export type Explained =
  | { readonly kind: 'reason'; readonly reason: CodeExplanation }
  | { readonly kind: 'error'; readonly error: CodeInfo & { readonly code: string } }
  | { readonly kind: 'field'; readonly field: FieldInfo }
  | { readonly kind: 'unknown'; readonly suggestion: string | null };

export async function explainSubject(subject: string): Promise<Explained> {
  const code = subject.toUpperCase();
  const reason = explainCode(code);
  if (reason !== null) return { kind: 'reason', reason };
  if (Object.hasOwn(CODES, code)) return { kind: 'error', error: { code, ...CODES[code as keyof typeof CODES] } };
  const registry = await loadRegistry('every');
  const field = describeField(subject, registry);
  if (field !== null) return { kind: 'field', field };
  // What is written in capitals was meant as a code.
  const codes = [...Object.keys(REASONS), ...Object.keys(CODES)];
  const near = /^[A-Z0-9_]+$/.test(subject) ? nearest(code, codes) : null;
  return { kind: 'unknown', suggestion: near ?? suggestField(subject, registry) };
}
