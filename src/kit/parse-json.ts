/** Deeper documents are attacks or mistakes. */
export const MAX_JSON_DEPTH = 32;

export type ParsedJson = { readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly why: string };

/** JSON of a stranger: never throws, refuses deep nesting before anything is built from it. */
export function parseJson(text: string, maxDepth = MAX_JSON_DEPTH): ParsedJson {
  const start = text.trimStart().slice(0, 1);
  if (start === '') return { ok: false, why: 'it is empty' };
  if (start === '<') return { ok: false, why: 'it is HTML or XML, not JSON' };
  if (depthExceeds(text, maxDepth)) return { ok: false, why: `it is nested deeper than ${maxDepth} levels` };
  try {
    return { ok: true, value: JSON.parse(text) };
  } catch {
    // The engine's own message quotes the text, which may hold secrets.
    return { ok: false, why: 'it is not valid JSON (perhaps cut off)' };
  }
}

/** One pass over the text; brackets inside strings do not count. */
function depthExceeds(text: string, maxDepth: number): boolean {
  let depth = 0;
  let inString = false;
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (inString) {
      if (c === 92) i++;
      else if (c === 34) inString = false;
    } else if (c === 34) inString = true;
    else if (c === 91 || c === 123) {
      if (++depth > maxDepth) return true;
    } else if (c === 93 || c === 125) depth--;
  }
  return false;
}
