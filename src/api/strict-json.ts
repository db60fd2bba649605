/** JSON as it should be sent: everything a parser might silently bend is refused instead. */

export const MAX_DEPTH = 32;

/** The message says what is wrong; it never repeats the body. */
export class JsonError extends Error {}

/** Names that reach prototypes through careless merges. */
const FORBIDDEN_KEYS = new Set(['__proto__', 'constructor', 'prototype']);

/** Throws JsonError: not UTF-8, a byte order mark, not JSON, too deep, a key twice, `__proto__` and its like,
 *  lone surrogates, numbers that do not survive (1e400, 2^53+1, -0). */
export function parseStrictJson(bytes: Uint8Array): unknown {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new JsonError('The body is not valid UTF-8.');
  }
  if (text.startsWith('\uFEFF')) throw new JsonError('The body begins with a byte order mark.');
  checkDepth(text);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new JsonError('The body is not valid JSON.');
  }
  checkTokens(text);
  return value;
}

/** Before parsing, so that depth costs no stack. */
function checkDepth(text: string): void {
  let depth = 0;
  for (let i = 0; i < text.length; i++) {
    const c = text[i];
    if (c === '"') i = endOfString(text, i);
    else if (c === '{' || c === '[') {
      if (++depth > MAX_DEPTH) throw new JsonError(`The body is nested deeper than ${MAX_DEPTH}.`);
    } else if (c === '}' || c === ']') depth--;
  }
}

/** Index of the closing quote (or the end of the text). */
function endOfString(text: string, start: number): number {
  let i = start + 1;
  while (i < text.length && text[i] !== '"') i += text[i] === '\\' ? 2 : 1;
  return i;
}

const NUMBER = /-?\d[\d.eE+-]*/y;

/** The text is known to be JSON. One pass over its tokens. */
function checkTokens(text: string): void {
  // Keys seen per open object; null for an open array.
  const open: (Set<string> | null)[] = [];
  let keyNext = false;
  for (let i = 0; i < text.length; i++) {
    const c = text[i] ?? '';
    if (c === '{') {
      open.push(new Set());
      keyNext = true;
    } else if (c === '[') {
      open.push(null);
      keyNext = false;
    } else if (c === '}' || c === ']') {
      open.pop();
      keyNext = false;
    } else if (c === ',') keyNext = (open.at(-1) ?? null) !== null;
    else if (c === '"') {
      const end = endOfString(text, i);
      const value: string = JSON.parse(text.slice(i, end + 1));
      if (!value.isWellFormed()) throw new JsonError('The body has a string with half a character in it.');
      if (keyNext) checkKey(value, open.at(-1) ?? null);
      keyNext = false;
      i = end;
    } else if (c === '-' || (c >= '0' && c <= '9')) {
      NUMBER.lastIndex = i;
      const token = NUMBER.exec(text)?.[0] ?? c;
      checkNumber(token);
      i += token.length - 1;
    }
  }
}

function checkKey(key: string, seen: Set<string> | null): void {
  if (FORBIDDEN_KEYS.has(key)) throw new JsonError('The body has a key that is never allowed.');
  if (seen?.has(key)) throw new JsonError('The body has the same key twice in one object.');
  seen?.add(key);
}

function checkNumber(token: string): void {
  const value = Number(token);
  if (!Number.isFinite(value)) throw new JsonError('The body has a number that is too large.');
  if (Object.is(value, -0)) throw new JsonError('The body has a negative zero.');
  if (Number.isInteger(value) && !Number.isSafeInteger(value)) throw new JsonError('The body has a whole number beyond 2^53.');
}
