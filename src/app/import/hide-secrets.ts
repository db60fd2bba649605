/** A line of a foreign script, shown without what looks like a secret in it, and short. */
const MOST_CHARS = 200;
const NAMED = /((?:pass(?:word|wd)?|root_pass|token|secret|api_?key|authorization|credentials?)["']?\s*[=: ]\s*)(?!\$)("[^"]*"|'[^']*'|[^\s"';&|]+)/gi;
const BEARER = /(bearer|basic)\s+[^\s"';&|$]+/gi;
const IN_URL = /(:\/\/[^\s/:@]*:)[^\s/@]+@/g;
const LONG = /\b(?=[A-Za-z0-9_-]*\d)[A-Za-z0-9_-]{32,}\b/g;

export function hideSecrets(text: string): string {
  const hidden = text.replace(BEARER, '$1 ***').replace(NAMED, '$1***').replace(IN_URL, '$1***@').replace(LONG, '***');
  return hidden.length <= MOST_CHARS ? hidden : `${hidden.slice(0, MOST_CHARS - 1)}…`;
}
