/** Pages of a collection. */
import { refuse } from './refused.ts';

export interface Page<V> {
  readonly data: readonly V[];
  readonly page: number;
  readonly pages: number;
  readonly results: number;
}

export function pageOf<V>(views: readonly V[], query: URLSearchParams): Page<V> {
  const size = wholeOf(query.get('page_size')) ?? 100;
  if (size < 25 || size > 500) throw refuse('Must be 25-500', 'page_size');
  const pages = Math.max(1, Math.ceil(views.length / size));
  const page = wholeOf(query.get('page')) ?? 1;
  if (page < 1 || page > pages) throw refuse(`Must be 1-${pages}`, 'page');
  return { data: views.slice((page - 1) * size, page * size), page, pages, results: views.length };
}

/** Undefined: not given. Not a whole number: 0, which is refused. */
function wholeOf(text: string | null): number | undefined {
  if (text === null || text === '') return undefined;
  return /^\d{1,9}$/.test(text) ? Number(text) : 0;
}
