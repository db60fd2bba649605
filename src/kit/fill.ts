/** `{{name}}` fields in texts of the operator. One pass: what a value brings in is never read as a field again. */
import { DriverError } from '../ports/errors.ts';

const FIELD = /\{\{\s*([a-z_]+)\s*\}\}/g;

/** By name; null: known, but without a value here (a machine without a port). */
export type Fields = Readonly<Record<string, string | null>>;

/** Names of the fields that a text uses. */
export function fieldsIn(text: string): string[] {
  return [...text.matchAll(FIELD)].map((m) => m[1] as string);
}

/** What is wrong with the fields of a text, for the check of a configuration; null: nothing. */
export function explainFields(text: string, known: readonly string[]): string | null {
  for (const name of fieldsIn(text)) {
    if (!known.includes(name)) return `has no field {{${name}}}; the fields are ${known.map((k) => `{{${k}}}`).join(', ')}`;
  }
  return null;
}

/** Puts the values in, each through `encode`. Throws bad-request for a field that is unknown or has no value. */
export function fill(text: string, fields: Fields, encode: (value: string, name: string) => string = (value) => value): string {
  return text.replace(FIELD, (_, name: string) => {
    const value = Object.hasOwn(fields, name) ? fields[name] : undefined;
    if (value === undefined) throw new DriverError('bad-request', `there is no field {{${name}}}`);
    if (value === null) throw new DriverError('bad-request', `{{${name}}} has no value for this machine`);
    return encode(value, name);
  });
}

/**
 * Arguments of a command. A value stays inside its argument whatever it holds, since no shell reads it;
 * a value that would turn the argument into an option (it begins the argument and begins with `-`) is refused.
 */
export function fillArgv(argv: readonly string[], fields: Fields): string[] {
  return argv.map((argument) => {
    const filled = fill(argument, fields);
    if (filled.startsWith('-') && !argument.startsWith('-'))
      throw new DriverError('bad-request', `the value of ${argument} begins with "-" and would be read as an option`);
    if (filled.includes('\0')) throw new DriverError('bad-request', `the value of ${argument} contains a NUL character`);
    return filled;
  });
}
