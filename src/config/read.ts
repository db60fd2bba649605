import { Composer, type CST, type Document, type ErrorCode, isAlias, isMap, isScalar, isSeq, Lexer, type Node, type Pair, Parser } from 'yaml';
import { type Diagnostic, type Frame, frameOf, problem } from './diagnostic.ts';
import type { MapEntry, Span, YamlNode } from './tree.ts';

/** Limits on a configuration file. Larger ones are refused, whatever they hold. */
export const READ_LIMITS = { bytes: 256 * 1024, aliases: 10, depth: 32, nodes: 20_000, pieces: 120_000 } as const;

/** Keys that could reach an object's prototype. */
const DANGEROUS_KEYS = new Set(['__proto__', 'constructor', 'prototype']);

export interface ReadResult {
  /** Null when the file cannot be used at all. */
  readonly root: YamlNode | null;
  readonly frame: Frame;
  readonly diagnostics: readonly Diagnostic[];
}

/** Parses YAML 1.2 (core schema) with limits: no tags, no merge keys, few aliases. Never throws. */
export function readYaml(text: string, file: string): ReadResult {
  const frame = frameOf(text, file);
  const whole = { start: 0, end: Math.min(1, text.length) };
  const refuse = (label: string, message: string, help: string): ReadResult => ({
    root: null,
    frame,
    diagnostics: [problem(frame, 'E0004', whole, { message, label, help })],
  });
  if (byteLength(text) > READ_LIMITS.bytes) {
    return refuse('too large', 'this file is larger than 256 KiB', 'a configuration is at most 256 KiB; keep scripts and start-up data in files of their own');
  }
  if (looksTooDeep(text))
    return refuse('too deep', `this file nests deeper than ${READ_LIMITS.depth} levels`, 'no part of a configuration is nested that deep');
  try {
    return fromDocument(compose(text), frame);
  } catch (error) {
    if (error instanceof FirstMistake) return { root: null, frame, diagnostics: [syntaxProblem(frame, error)] };
    if (error instanceof TooManyPieces)
      return refuse('too many values', 'this file holds too many values', `at most ${READ_LIMITS.nodes} values, and not many more signs between them`);
    // The YAML library recurses; a hostile file can exhaust the stack.
    if (error instanceof RangeError)
      return refuse('too deep', `this file nests deeper than ${READ_LIMITS.depth} levels`, 'no part of a configuration is nested that deep');
    return {
      root: null,
      frame,
      diagnostics: [problem(frame, 'E0001', whole, { message: 'this is not YAML', label: 'cannot be read', help: `the parser says: ${String(error)}` })],
    };
  }
}

class FirstMistake extends Error {
  readonly code: ErrorCode;
  readonly pos: readonly [number, number];
  constructor(code: ErrorCode, pos: readonly [number, number], message: string) {
    super(message);
    this.code = code;
    this.pos = pos;
  }
}

type Source = number | readonly [number, number, ...number[]] | { readonly offset: number; readonly source?: string | undefined };

/** The one document. Stops at the first mistake: only one is told, and a hostile text of 256 KiB has 200,000, each an Error with its stack. */
function compose(text: string): Document.Parsed {
  // Doubled keys are found by the Converter; the library compares every key of a map with every other.
  const composer = new Composer({ version: '1.2', schema: 'core', merge: false, uniqueKeys: false, resolveKnownTags: false });
  let first: FirstMistake | null = null;
  const onError = (source: Source, code: ErrorCode, message: string, isWarning?: boolean): void => {
    if (isWarning) return;
    // The library catches what is thrown inside a collection, reports it as a mistake of its own and comes here again.
    first ??= new FirstMistake(code, positionsOf(source), message);
    throw first;
  };
  Object.assign(composer, { onError });
  let seen = false;
  for (const token of tokensOf(text)) {
    if (token.type === 'error') throw new FirstMistake('UNEXPECTED_TOKEN', positionsOf(token), token.message);
    if (token.type === 'doc-end' && !seen) throw new FirstMistake('UNEXPECTED_TOKEN', positionsOf(token), 'nothing to end');
    if (token.type === 'document' && seen) throw new FirstMistake('MULTIPLE_DOCS', [token.offset, token.offset + 1], 'a second document');
    seen ||= token.type === 'document';
    for (const early of composer.next(token)) return checked(early);
  }
  for (const document of composer.end(true, text.length)) return checked(document);
  throw new FirstMistake('IMPOSSIBLE', [0, 1], 'no document');
}

/** Stops at a text of more pieces than any configuration has: what the library makes of 256 KiB of commas takes 250 MB. */
function* tokensOf(text: string): Generator<CST.Token> {
  const parser = new Parser();
  let pieces = 0;
  for (const piece of new Lexer().lex(text)) {
    if (++pieces > READ_LIMITS.pieces) throw new TooManyPieces();
    yield* parser.next(piece);
  }
  yield* parser.end();
}

class TooManyPieces extends Error {}

function checked(document: Document.Parsed): Document.Parsed {
  const [error] = document.errors;
  if (error !== undefined) throw new FirstMistake(error.code, error.pos, error.message);
  return document;
}

function positionsOf(source: Source): readonly [number, number] {
  if (typeof source === 'number') return [source, source + 1];
  if ('offset' in source) return [source.offset, source.offset + (source.source?.length ?? 1)];
  return [source[0], source[1]];
}

function fromDocument(document: Document.Parsed, frame: Frame): ReadResult {
  const diagnostics: Diagnostic[] = [];
  const converter = new Converter(document, frame, diagnostics);
  const root = document.contents === null ? null : converter.convert(document.contents as Node, 0);
  if (root === null || (root.kind === 'scalar' && root.value === null)) {
    const end = Math.max(0, frame.text.length);
    if (diagnostics.length === 0) {
      diagnostics.push(
        problem(
          frame,
          'E0006',
          { start: 0, end: Math.min(1, end) },
          {
            message: 'the configuration is empty',
            label: 'nothing here',
            help: 'start with `version: 1` and a group under `groups:`, or run `drover init`',
          },
        ),
      );
    }
    return { root: null, frame, diagnostics };
  }
  return { root: converter.refused ? null : root, frame, diagnostics };
}

/** Turns the library's tree into ours, refusing what a configuration has no use for. */
class Converter {
  readonly #document: Document.Parsed;
  readonly #frame: Frame;
  readonly #out: Diagnostic[];
  #nodes = 0;
  #aliases = 0;
  readonly #open = new Set<Node>();
  /** Something was refused that leaves no usable tree. */
  refused = false;

  constructor(document: Document.Parsed, frame: Frame, out: Diagnostic[]) {
    this.#document = document;
    this.#frame = frame;
    this.#out = out;
  }

  convert(node: Node, depth: number): YamlNode | null {
    if (this.refused) return null;
    const span = spanOf(node);
    if (++this.#nodes > READ_LIMITS.nodes) return this.#tooMany(span);
    if (depth > READ_LIMITS.depth)
      return this.#refuse(
        'E0004',
        span,
        `this file nests deeper than ${READ_LIMITS.depth} levels`,
        'too deep',
        'no part of a configuration is nested that deep',
      );
    if (isAlias(node)) return this.#alias(node, span, depth);
    if (typeof node.tag === 'string' && !isPlainTag(node.tag)) {
      return this.#refuse('E0003', span, 'YAML tags are not used in a configuration', 'remove the tag', 'write the value plainly; quote it to make it a text');
    }
    this.#open.add(node);
    const result = isMap(node)
      ? this.#map(node.items as Pair<Node, Node | null>[], span, depth)
      : isSeq(node)
        ? this.#seq(node.items as Node[], span, depth)
        : this.#scalar(node, span);
    this.#open.delete(node);
    return result;
  }

  #alias(node: Node & { source: string }, span: Span, depth: number): YamlNode | null {
    if (++this.#aliases > READ_LIMITS.aliases) {
      return this.#refuse(
        'E0003',
        span,
        `more than ${READ_LIMITS.aliases} aliases`,
        'one alias too many',
        'write the values out, or use a template under `templates:`',
      );
    }
    const target = isAlias(node) ? node.resolve(this.#document) : undefined;
    if (target === undefined)
      return this.#refuse(
        'E0003',
        span,
        `the alias \`*${node.source}\` names nothing`,
        'no such anchor',
        `put \`&${node.source}\` before the value it should repeat`,
      );
    if (this.#open.has(target)) return this.#refuse('E0003', span, `the alias \`*${node.source}\` contains itself`, 'endless', 'write the value out');
    return this.convert(target, depth + 1);
  }

  #map(items: readonly Pair<Node, Node | null>[], span: Span, depth: number): YamlNode | null {
    const entries: MapEntry[] = [];
    const seen = new Map<string, Span>();
    for (const { key, value } of items) {
      if (!isScalar(key))
        return this.#refuse('E0003', key === null ? span : spanOf(key), 'a key must be a plain word', 'not a plain word', 'write `key: value`');
      const name = String(key.value);
      const keySpan = spanOf(key);
      if (DANGEROUS_KEYS.has(name)) return this.#refuse('E0003', keySpan, `\`${name}\` cannot be used as a key`, 'refused', 'use another name');
      if (name === '<<' && key.type === 'PLAIN')
        return this.#refuse(
          'E0003',
          keySpan,
          'merge keys (`<<`) are not used in a configuration',
          'refused',
          'write the fields out, or use a template under `templates:`',
        );
      const first = seen.get(name);
      if (first !== undefined) {
        // Counted as the values they are: they are not converted.
        if (++this.#nodes > READ_LIMITS.nodes) return this.#tooMany(keySpan);
        this.#out.push(
          problem(this.#frame, 'E0002', keySpan, {
            message: `\`${name}\` is written twice`,
            label: 'written again here',
            help: 'keep one of the two',
            second: { span: first, label: 'first written here' },
          }),
        );
        continue;
      }
      seen.set(name, keySpan);
      const converted = value === null ? emptyAfter(keySpan) : this.convert(value, depth + 1);
      if (converted === null) return null;
      entries.push({ key: name, keySpan, value: converted });
    }
    return { kind: 'map', entries, span };
  }

  #seq(items: readonly Node[], span: Span, depth: number): YamlNode | null {
    const out: YamlNode[] = [];
    for (const item of items) {
      const converted = this.convert(item, depth + 1);
      if (converted === null) return null;
      out.push(converted);
    }
    return { kind: 'seq', items: out, span };
  }

  #scalar(node: Node, span: Span): YamlNode {
    const value = isScalar(node) ? node.value : null;
    if (value === null || typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') return { kind: 'scalar', value, span };
    return { kind: 'scalar', value: typeof value === 'bigint' ? value.toString() : '', span };
  }

  #tooMany(span: Span): null {
    const help = `at most ${READ_LIMITS.nodes}, aliases counted as often as they are used`;
    return this.#refuse('E0004', span, 'this file holds too many values', 'too many values', help);
  }

  #refuse(code: 'E0003' | 'E0004', span: Span, message: string, label: string, help: string): null {
    this.refused = true;
    this.#out.push(problem(this.#frame, code, span, { message, label, help }));
    return null;
  }
}

function spanOf(node: Node): Span {
  const range = node.range;
  return range ? { start: range[0], end: range[1] } : { start: 0, end: 0 };
}

function emptyAfter(key: Span): YamlNode {
  return { kind: 'scalar', value: null, span: { start: key.end, end: key.end } };
}

function isPlainTag(tag: string): boolean {
  return tag === '' || tag === 'tag:yaml.org,2002:map' || tag === 'tag:yaml.org,2002:seq' || tag === 'tag:yaml.org,2002:str';
}

function byteLength(text: string): number {
  return text.length > READ_LIMITS.bytes ? text.length : new TextEncoder().encode(text).length;
}

/** A cheap look before the parser, which takes long over thousands of open brackets. */
function looksTooDeep(text: string): boolean {
  if (/(?:[-?][ \t]+){65}/.test(text)) return true;
  let open = 0;
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c === 0x5b || c === 0x7b) open++;
    else if ((c === 0x5d || c === 0x7d) && open > 0) open--;
    if (open > 200) return true;
  }
  return false;
}

const SYNTAX: Readonly<Record<string, { message: string; label: string; help: string }>> = {
  TAB_AS_INDENT: { message: 'a tab is used as indentation', label: 'this is a tab', help: 'indent with spaces, two per level' },
  BAD_INDENT: {
    message: 'the indentation does not fit',
    label: 'does not line up with the lines above',
    help: 'fields of one map start in the same column; indent with two spaces per level',
  },
  MULTILINE_IMPLICIT_KEY: {
    message: 'a key runs over several lines',
    label: 'a `:` is missing near here',
    help: 'write `key: value`, with a space after the colon',
  },
  IMPOSSIBLE: { message: 'this is not YAML', label: 'cannot be read', help: 'check the indentation and the quotes' },
  MISSING_CHAR: {
    message: 'a character is missing',
    label: 'something was not closed, or a `:` is missing, before here',
    help: 'close every quote, bracket and brace; write `key: value` with a space after the colon',
  },
  UNEXPECTED_TOKEN: {
    message: 'this does not belong here',
    label: 'unexpected',
    help: 'check the indentation and the quotes; inside `{ }` a text with `[`, `]`, `{`, `}` or `,` in it, such as a query, needs quotes',
  },
  BLOCK_AS_IMPLICIT_KEY: {
    message: 'two values stand on one line',
    label: 'a second `:`',
    help: 'put each field on a line of its own, or quote the text that holds `: `',
  },
  BLOCK_IN_FLOW: {
    message: 'a block stands inside brackets',
    label: 'not allowed inside `{ }` or `[ ]`',
    help: 'close the bracket first, or write it all in one style',
  },
  MULTIPLE_DOCS: { message: 'the file holds more than one document', label: 'a second document starts', help: 'one file, one configuration: remove the `---`' },
  BAD_SCALAR_START: { message: 'a text cannot start with this character', label: 'quote the text', help: "put the text in quotes: '…'" },
};

function syntaxProblem(frame: Frame, error: FirstMistake): Diagnostic {
  const known = SYNTAX[error.code];
  const start = error.code === 'TAB_AS_INDENT' ? error.pos[0] : firstInk(frame.text, Math.min(error.pos[0], frame.text.length));
  const span = { start, end: Math.max(start + 1, Math.min(error.pos[1], lineEnd(frame.text, start))) };
  if (known !== undefined) return problem(frame, 'E0001', span, known);
  return problem(frame, 'E0001', span, {
    message: 'this is not YAML',
    label: error.message.split('\n')[0] ?? 'cannot be read',
    help: 'check the indentation, quotes and brackets around here',
  });
}

/** The first character that is no blank, if there is one on the line. */
function firstInk(text: string, from: number): number {
  let at = from;
  while (at < text.length && (text.charAt(at) === ' ' || text.charAt(at) === '\t')) at++;
  return at < text.length && text.charAt(at) !== '\n' ? at : from;
}

function lineEnd(text: string, from: number): number {
  const end = text.indexOf('\n', from);
  return end < 0 ? text.length : end;
}
