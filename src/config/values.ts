import { z } from 'zod';
import type { Json } from '../core/model/json.ts';
import { parseMoney } from '../core/units.ts';

export { duration, money, percent, stepLimit } from '../core/units.ts';

/** Names inside the configuration: metrics, policies, clouds, … They become keys of objects: one that every object has of itself would be found where nobody put it. */
export const name = z
  .string()
  .regex(
    /^(?!(constructor|hasOwnProperty|isPrototypeOf|propertyIsEnumerable|toLocaleString|toString|valueOf)$)[A-Za-z][A-Za-z0-9_-]{0,62}$/,
    'a name is letters, digits, - and _, starting with a letter, and no word like `constructor` or `toString`',
  );

/** A field with what the reference, `explain` and editors show of it. */
export function field<S extends z.ZodType>(schema: S, description: string, example: Json): S {
  return schema.meta({ description, examples: [example] }) as S;
}

/** A whole number within bounds, both allowed. */
export function wholeNumber(min: number, max: number) {
  return z.number().int().min(min).max(max);
}

/**
 * A field that also takes shorter forms. They are expanded before the check, so after it only the long form
 * occurs: that is the type. The short forms stand in the schema for editors and the reference.
 */
export function shorthand<Long extends z.ZodType>(long: Long, ...short: readonly z.ZodType[]): Long {
  return z.union([long, ...short]) as unknown as Long;
}

/** Where a secret is kept; its value never stands in a configuration. */
export function secretRef() {
  return z.union([
    z.strictObject({
      env: field(
        z.string().regex(/^[A-Za-z_][A-Za-z0-9_]{0,127}$/, 'the name of an environment variable is letters, digits and _'),
        'Environment variable that holds the secret.',
        'AM_TOKEN',
      ),
    }),
    z.strictObject({
      file: field(
        z.string().min(1).max(4096),
        'File that holds the secret, relative to the configuration file; a last newline is dropped.',
        '/run/secrets/am-token',
      ),
    }),
    z.strictObject({
      secret: field(
        z.string().regex(/^[A-Za-z][A-Za-z0-9_.-]{0,63}$/, 'the name of a secret is up to 64 letters, digits, `_`, `-` and `.`, starting with a letter'),
        'Secret kept encrypted in the state directory, set by `drover secret set NAME`.',
        'am_token',
      ),
    }),
  ]);
}

export interface Budget {
  readonly perHour: number | null;
  readonly perMonth: number | null;
  readonly currency: string;
}

/** `120 EUR/month`, `0.50 EUR/h`, or both in a list. */
export function budget() {
  return z.union([z.string(), z.array(z.string()).min(1).max(2)]).transform((written, ctx): Budget => {
    let result = null as Budget | null;
    for (const text of typeof written === 'string' ? [written] : written) {
      const parsed = parseMoney(text);
      const problem = parsed.ok ? conflict(result, parsed.value) : parsed.message;
      if (problem !== null || !parsed.ok) {
        ctx.addIssue({ code: 'custom', message: problem ?? 'not an amount of money' });
        return z.NEVER;
      }
      const { amount, currency, per } = parsed.value;
      result = {
        perHour: result?.perHour ?? null,
        perMonth: result?.perMonth ?? null,
        currency,
        ...(per === 'hour' ? { perHour: amount } : { perMonth: amount }),
      };
    }
    return result ?? z.NEVER;
  });
}

function conflict(before: Budget | null, next: { currency: string; per: 'hour' | 'month' }): string | null {
  if (before === null) return null;
  if (before.currency !== next.currency) return 'both amounts of a budget are in one currency';
  if (next.per === 'hour' ? before.perHour !== null : before.perMonth !== null) return 'a budget has one amount an hour and one a month';
  return null;
}
