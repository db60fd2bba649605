/** The X-Filter header. */
import { refuse } from './refused.ts';

const MAX_FILTER_CHARS = 8192;
const MAX_DEPTH = 10;

type View = Readonly<Record<string, unknown>>;
type Test = (view: View) => boolean;

export interface Filter {
  readonly test: Test;
  readonly orderBy: string | null;
  readonly descending: boolean;
}

/** Throws Refused: not JSON, an attribute that cannot be filtered on, an unknown operator. */
export function parseFilter(header: string | undefined, filterable: readonly string[]): Filter {
  if (header === undefined || header.trim() === '') return { test: () => true, orderBy: null, descending: false };
  if (header.length > MAX_FILTER_CHARS) throw refuse('Filter is too long', 'X-Filter');
  let parsed: unknown;
  try {
    parsed = JSON.parse(header);
  } catch {
    throw refuse('Filter must be valid JSON', 'X-Filter');
  }
  if (!isObject(parsed)) throw refuse('Filter must be an object', 'X-Filter');
  const { '+order_by': orderBy, '+order': order, ...rest } = parsed;
  if (orderBy !== undefined && (typeof orderBy !== 'string' || !filterable.includes(orderBy))) throw cannot(text(orderBy));
  if (order !== undefined && order !== 'asc' && order !== 'desc') throw refuse('+order must be asc or desc', 'X-Filter');
  return { test: compile(rest, filterable, 0), orderBy: (orderBy as string | undefined) ?? null, descending: order === 'desc' };
}

export function applyFilter<V extends object>(views: readonly V[], filter: Filter): V[] {
  const kept = views.filter((view) => filter.test(view as View));
  const { orderBy, descending } = filter;
  if (orderBy === null) return kept;
  const sign = descending ? -1 : 1;
  return kept.toSorted((a, b) => sign * order(valueAt(a as View, orderBy), valueAt(b as View, orderBy)));
}

function compile(part: Readonly<Record<string, unknown>>, filterable: readonly string[], depth: number): Test {
  if (depth > MAX_DEPTH) throw refuse('Filter is nested too deeply', 'X-Filter');
  const tests = Object.entries(part).map(([key, value]): Test => {
    if (key === '+and' || key === '+or') {
      if (!Array.isArray(value) || !value.every(isObject)) throw refuse(`${key} must be a list of objects`, 'X-Filter');
      const inner = value.map((each) => compile(each as Record<string, unknown>, filterable, depth + 1));
      return key === '+and' ? (view) => inner.every((test) => test(view)) : (view) => inner.some((test) => test(view));
    }
    if (!filterable.includes(key)) throw cannot(key);
    const conditions = isObject(value) ? Object.entries(value) : [['=', value] as const];
    const inner = conditions.map(([operator, wanted]) => condition(operator, wanted));
    return (view) => inner.every((test) => test(valueAt(view, key)));
  });
  return (view) => tests.every((test) => test(view));
}

function condition(operator: string, wanted: unknown): (value: unknown) => boolean {
  if (wanted !== null && typeof wanted === 'object') throw refuse('Filter values must be text, numbers or booleans', 'X-Filter');
  switch (operator) {
    case '=':
      return (value) => any(value, (each) => same(each, wanted));
    case '+neq':
      return (value) => !any(value, (each) => same(each, wanted));
    case '+contains':
      return (value) => any(value, (each) => text(each).includes(text(wanted)));
    case '+gt':
      return (value) => any(value, (each) => order(each, wanted) > 0);
    case '+gte':
      return (value) => any(value, (each) => order(each, wanted) >= 0);
    case '+lt':
      return (value) => any(value, (each) => order(each, wanted) < 0);
    case '+lte':
      return (value) => any(value, (each) => order(each, wanted) <= 0);
    default:
      throw refuse(`Unknown operator ${operator}`, 'X-Filter');
  }
}

function cannot(key: string) {
  return refuse(`Cannot filter on ${key}`, 'X-Filter');
}

/** A list matches when one of its items does. */
function any(value: unknown, test: (each: unknown) => boolean): boolean {
  return Array.isArray(value) ? value.some(test) : test(value);
}

function same(a: unknown, b: unknown): boolean {
  return a === b || (text(a) !== '' && text(a) === text(b));
}

function order(a: unknown, b: unknown): number {
  if (typeof a === 'number' && typeof b === 'number') return a - b;
  const [left, right] = [text(a), text(b)];
  if (left !== '' && right !== '' && Number.isFinite(Number(left)) && Number.isFinite(Number(right))) return Number(left) - Number(right);
  return left < right ? -1 : left > right ? 1 : 0;
}

/** Filterable attributes are texts, numbers and booleans. */
function text(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' ? String(value) : '';
}

/** `entity.id` is a field of a field. */
function valueAt(view: View, key: string): unknown {
  return key.split('.').reduce<unknown>((value, part) => (isObject(value) ? value[part] : undefined), view);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
