/** Parameters as senders write them. What is too much is refused, never cut. */
import { ApiProblem } from '../problem.ts';
import { JsonError, parseStrictJson } from '../strict-json.ts';

export type Parameters = Readonly<Record<string, string>>;

const MOST = 200;
const FORM = /^application\/x-www-form-urlencoded\s*(;|$)/i;
/** Of Jenkins itself, in an address or a form: no parameters. */
const OWN = new Set(['token', 'delay', 'cause', 'json', 'jobQuietPeriod', 'Jenkins-Crumb', 'Submit', 'statusCode', 'redirectTo']);

export function isForm(type: string | undefined): boolean {
  return FORM.test(type ?? '');
}

export function textOf(body: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(body);
  } catch {
    throw new ApiProblem(400, 'malformed', 'The request is not valid UTF-8.');
  }
}

/** Of a query or a form; the first of several values counts, as in Jenkins. */
export function fieldsOf(text: string): Parameters {
  return firstOf(new URLSearchParams(text));
}

export function withoutOwn(fields: Parameters): Parameters {
  return firstOf(Object.entries(fields).filter(([name]) => !OWN.has(name)));
}

/** Texts, numbers and truths at the top of a JSON object; the rest is not looked at. */
export function topValues(value: unknown): Parameters {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return {};
  return firstOf(Object.entries(value).flatMap(([k, v]): [string, string][] => (['string', 'number', 'boolean'].includes(typeof v) ? [[k, String(v)]] : [])));
}

export function jsonOf(text: string): unknown {
  try {
    return parseStrictJson(new TextEncoder().encode(text));
  } catch (e) {
    if (e instanceof JsonError) throw new ApiProblem(400, 'malformed', e.message);
    throw e;
  }
}

/** `json={"parameter":[{"name":"AMOUNT","value":"2"}]}`, the form that `/build` takes. */
export function submittedForm(text: string): Parameters {
  const form = jsonOf(text) as { readonly parameter?: unknown };
  const given = form === null || typeof form !== 'object' ? undefined : form.parameter;
  const list = Array.isArray(given) ? given : given === undefined ? [] : [given];
  return firstOf(
    list.map((each: { readonly name?: unknown; readonly value?: unknown } | null): [string, string] => {
      const { name, value } = each ?? {};
      if (typeof name !== 'string' || !['string', 'number', 'boolean'].includes(typeof value)) {
        throw new ApiProblem(400, 'malformed', 'A parameter has a name and a value: {"parameter":[{"name":"A","value":"1"}]}');
      }
      return [name, String(value)];
    }),
  );
}

function firstOf(pairs: Iterable<readonly [string, string]>): Parameters {
  const fields: Record<string, string> = Object.create(null);
  let count = 0;
  for (const [name, value] of pairs) {
    if (++count > MOST) throw new ApiProblem(400, 'malformed', `There are more than ${MOST} parameters.`);
    if (!Object.hasOwn(fields, name) && name !== '__proto__') fields[name] = value;
  }
  return fields;
}

/** `delay=0sec`, `jobQuietPeriod=0`: ms; null: not given, or nothing that is a time. */
export function delayMs(text: string | undefined): number | null {
  const found = /^(\d{1,5})\s*(?:s|sec|secs|second|seconds)?$/i.exec(text ?? '');
  return found === null ? null : Number(found[1]) * 1000;
}
