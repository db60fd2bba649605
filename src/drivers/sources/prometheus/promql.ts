/** What can be told of a PromQL expression by looking at it. Not a parser: in doubt it says nothing. */

const LABELS = String.raw`\{(?:[^{}"'${'`'}]|"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')*\}`;
const SELECTOR = String.raw`(?:[a-zA-Z_:][a-zA-Z0-9_:]*(?:\s*${LABELS})?|${LABELS})`;
const BARE = new RegExp(`^${SELECTOR}$`);
const AGGREGATED = new RegExp(String.raw`^(?:sum|avg|max|min)\s*\(\s*(${SELECTOR})\s*\)$`);
/** Words that look like a metric and are numbers. */
const NUMBERS = new Set(['inf', 'nan']);

/**
 * An expression for the age of the newest sample in seconds, where the query is a bare selector or sum, avg, max or min of one.
 * Null otherwise: behind functions, joins and subqueries the sample times cannot be seen from outside.
 */
export function defaultFreshness(query: string): string | null {
  const text = query.trim();
  const selector = BARE.test(text) ? text : AGGREGATED.exec(text)?.[1];
  if (selector === undefined || NUMBERS.has(selector.toLowerCase())) return null;
  return `time() - max(timestamp(${selector}))`;
}

/** Mistakes that make a query dangerous for scaling, each as one sentence with the way out; empty when none is seen. */
export function lintQuery(query: string): string[] {
  const text = withoutTexts(query);
  const found: string[] = [];
  if (/\bor\s*(?:(?:on|ignoring)\s*\([^()]*\)\s*)?\(*\s*(?:vector\s*\(\s*)?[+-]?(?:0+(?:\.0*)?|\.0+)(?![\d.])/i.test(text)) {
    found.push(
      '"or vector(0)" turns an outage into zero load, and zero load removes machines. Leave it out: without data Drover holds the size (see if_missing).',
    );
  }
  if (/\babsent(?:_over_time)?\s*\(/i.test(text)) {
    found.push('absent() gives 1 when data is missing, which is no load figure. Use it in an alert rule instead.');
  }
  if (/\b(?:by|without)\s*\(\s*[a-zA-Z_]/i.test(text) && !isWrapped(text)) {
    found.push('"by (…)" can give several series and one value is needed. Put sum(…), avg(…) or max(…) around the whole expression, or leave "by" out.');
  } else if (BARE.test(query.trim())) {
    found.push('A bare selector gives one value only while exactly one series matches. Put sum(…), avg(…) or max(…) around it.');
  }
  if (/\b(?:topk|bottomk)\s*\(/i.test(text)) found.push('topk and bottomk can give several series. Use max(…) or min(…).');
  if (/\[\s*\d+[a-z]+\s*\]\s*$/i.test(text))
    found.push('The expression ends with a range like [5m], which gives many values. Put rate(…), max_over_time(…) or the like around it.');
  return found;
}

/** An aggregation without `by` stands around the whole expression. */
function isWrapped(text: string): boolean {
  const start = /^\s*(?:sum|avg|max|min|count|quantile|stddev|scalar|histogram_quantile)\s*\(/i.exec(text);
  if (start === null || /^\s*histogram_quantile/i.test(text)) return start !== null;
  let depth = 0;
  for (let i = start[0].length - 1; i < text.length; i++) {
    if (text[i] === '(') depth++;
    else if (text[i] === ')' && --depth === 0) return !/^\s*(?:by|without)\b/i.test(text.slice(i + 1));
  }
  return false;
}

/** The query without comments and with its quoted texts emptied, so that a label value cannot look like code. */
function withoutTexts(query: string): string {
  return query.replace(/"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|`[^`]*`|#[^\n]*/g, (found) => (found.startsWith('#') ? ' ' : '""'));
}
