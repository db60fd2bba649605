/** A PromQL expression as a tree: what rules are made of. What it does not know (`@`, odd literals) gives null: then nothing is said of it. */

/** Offsets into the expression, end exclusive. */
interface Place {
  readonly start: number;
  readonly end: number;
}
export interface Matcher {
  readonly label: string;
  readonly op: '=' | '!=' | '=~' | '!~';
  readonly value: string;
}
export interface Selector extends Place {
  readonly kind: 'selector';
  readonly metric: string;
  readonly matchers: readonly Matcher[];
  /** Text of the window, as `5m`; null: an instant. */
  readonly window: string | null;
}
export interface Grouping {
  readonly by: boolean;
  readonly labels: readonly string[];
}
export interface Aggregation extends Place {
  readonly kind: 'aggregation';
  readonly op: string;
  readonly grouping: Grouping | null;
  readonly of: readonly PromTree[];
}
export interface Call extends Place {
  readonly kind: 'call';
  readonly name: string;
  readonly of: readonly PromTree[];
}
export interface Binary extends Place {
  readonly kind: 'binary';
  readonly op: string;
  readonly left: PromTree;
  readonly right: PromTree;
  /** `on` and `ignoring`. */
  readonly matching: { readonly on: boolean; readonly labels: readonly string[] } | null;
  readonly group: 'left' | 'right' | null;
}
export interface Literal extends Place {
  readonly kind: 'number';
  readonly value: number;
}
export interface Text extends Place {
  readonly kind: 'text';
}
export interface Negation extends Place {
  readonly kind: 'negation';
  readonly of: PromTree;
}
/** `EXPR[5m:]` */
export interface Subquery extends Place {
  readonly kind: 'subquery';
  readonly of: PromTree;
}
export type PromTree = Selector | Aggregation | Call | Binary | Literal | Text | Negation | Subquery;

interface Token extends Place {
  readonly kind: 'word' | 'number' | 'text' | 'range' | 'sign';
  readonly text: string;
}

const MAX_CHARS = 20_000;
const MAX_DEPTH = 100;
const PIECE =
  /\s+|#[^\n]*|(?<text>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|`[^`]*`)|(?<range>\[[^\][]*\])|(?<word>[a-zA-Z_:][\w:]*)|(?<number>(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?(?:ms|[smhdwy])?(?:\d+(?:ms|[smhdwy]))*)|(?<sign>=~|!~|!=|==|>=|<=|[-+*/%^=<>(){},])/gy;

const AGGREGATIONS = new Set(['sum', 'avg', 'min', 'max', 'count', 'group', 'stddev', 'stdvar', 'topk', 'bottomk', 'quantile', 'count_values']);
/** Loosest first (https://prometheus.io/docs/prometheus/latest/querying/operators/#binary-operator-precedence). */
const PRECEDENCE: readonly (readonly string[])[] = [['or'], ['and', 'unless'], ['==', '!=', '<=', '<', '>=', '>'], ['+', '-'], ['*', '/', '%', 'atan2'], ['^']];

/** Null: not understood. */
export function promTree(expression: string): PromTree | null {
  if (expression.length > MAX_CHARS) return null;
  const tokens = tokensOf(expression);
  if (tokens === null) return null;
  try {
    return new Reader(tokens).whole();
  } catch (e) {
    if (e instanceof NotUnderstood) return null;
    throw e;
  }
}

/** The tree and everything below it. */
export function* everyTree(tree: PromTree): Generator<PromTree> {
  yield tree;
  const below = tree.kind === 'binary' ? [tree.left, tree.right] : 'of' in tree ? [tree.of].flat() : [];
  for (const each of below as readonly PromTree[]) yield* everyTree(each);
}

function tokensOf(text: string): readonly Token[] | null {
  const tokens: Token[] = [];
  let end = 0;
  for (const found of text.matchAll(PIECE)) {
    end = found.index + found[0].length;
    const [kind] = Object.entries(found.groups ?? {}).find(([, value]) => value !== undefined) ?? [];
    if (kind !== undefined) tokens.push({ kind: kind as Token['kind'], text: found[0], start: found.index, end });
  }
  return end === text.length ? tokens : null;
}

class NotUnderstood extends Error {}

class Reader {
  readonly #tokens: readonly Token[];
  #at = 0;
  #depth = 0;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  whole(): PromTree {
    const tree = this.#binary(0);
    if (this.#at < this.#tokens.length) throw new NotUnderstood();
    return tree;
  }

  #binary(level: number): PromTree {
    const ops = PRECEDENCE[level];
    if (ops === undefined) return this.#unary();
    if (++this.#depth > MAX_DEPTH * PRECEDENCE.length) throw new NotUnderstood();
    let left = this.#binary(level + 1);
    for (;;) {
      const token = this.#peek();
      if (token === null || !ops.includes(token.text.toLowerCase())) break;
      this.#at++;
      const modifiers = this.#modifiers();
      // `^` binds to the right.
      const right = this.#binary(ops.includes('^') ? level : level + 1);
      left = { kind: 'binary', op: token.text.toLowerCase(), left, right, ...modifiers, start: left.start, end: right.end };
    }
    this.#depth--;
    return left;
  }

  #modifiers(): Pick<Binary, 'matching' | 'group'> {
    this.#take('bool');
    const word = this.#take('on') ?? this.#take('ignoring');
    if (word === null) return { matching: null, group: null };
    const matching = { on: word.text.toLowerCase() === 'on', labels: this.#labels() };
    const side = this.#take('group_left') ?? this.#take('group_right');
    if (side === null) return { matching, group: null };
    // `group_left sum(…)` takes no labels; `group_left (a) sum(…)` does.
    if (this.#peek()?.text === '(' && this.#looksLikeLabels()) this.#labels();
    return { matching, group: side.text.toLowerCase() === 'group_left' ? 'left' : 'right' };
  }

  /** A list of bare words in brackets that is followed by more of an operand. */
  #looksLikeLabels(): boolean {
    let i = this.#at + 1;
    while (this.#tokens[i]?.kind === 'word' || this.#tokens[i]?.text === ',') i++;
    const after = this.#tokens[i + 1];
    return this.#tokens[i]?.text === ')' && after !== undefined && (after.kind !== 'sign' || after.text === '(' || after.text === '{');
  }

  #unary(): PromTree {
    const sign = this.#peek();
    if (sign !== null && (sign.text === '-' || sign.text === '+')) {
      this.#at++;
      const of = this.#binary(PRECEDENCE.length - 1);
      return sign.text === '+' ? of : { kind: 'negation', of, start: sign.start, end: of.end };
    }
    return this.#behind(this.#atom());
  }

  /** Windows of subqueries and `offset`. */
  #behind(tree: PromTree): PromTree {
    let found = tree;
    const range = this.#peek();
    if (range?.kind === 'range') {
      this.#at++;
      found = { kind: 'subquery', of: tree, start: tree.start, end: range.end };
    }
    if (this.#take('offset') !== null) {
      this.#take('-');
      if (this.#next().kind !== 'number') throw new NotUnderstood();
    }
    return found;
  }

  #atom(): PromTree {
    const token = this.#next();
    if (token.kind === 'text') return { kind: 'text', start: token.start, end: token.end };
    if (token.kind === 'number') return { kind: 'number', value: numberOf(token.text), start: token.start, end: token.end };
    if (token.text === '(') {
      const tree = this.#binary(0);
      return { ...tree, start: token.start, end: this.#need(')').end };
    }
    if (token.text === '{') {
      this.#at--;
      return this.#selector('', token.start, token.end);
    }
    if (token.kind !== 'word') throw new NotUnderstood();
    const word = token.text.toLowerCase();
    if (AGGREGATIONS.has(word) && ['(', 'by', 'without'].includes(this.#peek()?.text.toLowerCase() ?? '')) return this.#aggregation(word, token.start);
    if (this.#peek()?.text === '(') {
      const [of, end] = this.#arguments();
      return { kind: 'call', name: word, of, start: token.start, end };
    }
    if (word === 'inf' || word === 'nan')
      return { kind: 'number', value: word === 'inf' ? Number.POSITIVE_INFINITY : Number.NaN, start: token.start, end: token.end };
    return this.#selector(token.text, token.start, token.end);
  }

  #aggregation(op: string, start: number): Aggregation {
    let grouping = this.#grouping();
    const [of, closed] = this.#arguments();
    let end = closed;
    if (grouping === null) {
      grouping = this.#grouping();
      if (grouping !== null) end = this.#tokens[this.#at - 1]?.end ?? end;
    }
    return { kind: 'aggregation', op, grouping, of, start, end };
  }

  #grouping(): Grouping | null {
    const word = this.#take('by') ?? this.#take('without');
    return word === null ? null : { by: word.text.toLowerCase() === 'by', labels: this.#labels() };
  }

  #labels(): string[] {
    this.#need('(');
    const labels: string[] = [];
    while (this.#take(')') === null) {
      const token = this.#next();
      if (token.kind === 'word') labels.push(token.text);
      else if (token.text !== ',') throw new NotUnderstood();
    }
    return labels;
  }

  #arguments(): [PromTree[], number] {
    this.#need('(');
    const of: PromTree[] = [];
    for (;;) {
      const end = this.#take(')');
      if (end !== null) return [of, end.end];
      of.push(this.#binary(0));
      if (this.#peek()?.text !== ')') this.#need(',');
    }
  }

  #selector(metric: string, start: number, wordEnd: number): Selector {
    const matchers: Matcher[] = [];
    let end = wordEnd;
    if (this.#take('{') !== null) {
      for (;;) {
        const close = this.#take('}');
        if (close !== null) {
          end = close.end;
          break;
        }
        const [label, op, value] = [this.#next(), this.#next(), this.#next()];
        if (label.kind !== 'word' || !/^(=|!=|=~|!~)$/.test(op.text) || value.kind !== 'text') throw new NotUnderstood();
        matchers.push({ label: label.text, op: op.text as Matcher['op'], value: value.text.slice(1, -1) });
        if (this.#peek()?.text !== '}') this.#need(',');
      }
    }
    const range = this.#peek();
    // `[5m:1m]` is a subquery, which #behind reads.
    const window = range?.kind === 'range' && !range.text.includes(':') ? range.text.slice(1, -1).trim() : null;
    if (window !== null && range !== null) {
      this.#at++;
      end = range.end;
    }
    return { kind: 'selector', metric, matchers, window, start, end };
  }

  #peek(): Token | null {
    return this.#tokens[this.#at] ?? null;
  }

  #next(): Token {
    const token = this.#tokens[this.#at++];
    if (token === undefined) throw new NotUnderstood();
    return token;
  }

  #take(text: string): Token | null {
    const token = this.#peek();
    if (token === null || token.kind === 'text' || token.text.toLowerCase() !== text) return null;
    this.#at++;
    return token;
  }

  #need(text: string): Token {
    const token = this.#take(text);
    if (token === null) throw new NotUnderstood();
    return token;
  }
}

function numberOf(text: string): number {
  const value = Number(text);
  if (Number.isNaN(value)) throw new NotUnderstood();
  return value;
}

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000, y: 31_536_000_000 };

/** `1h30m` in ms, as Prometheus reads it; null: not a duration. */
export function promDurationMs(text: string): number | null {
  if (text === '0') return 0;
  if (!/^(\d{1,9}(ms|[smhdwy]))+$/.test(text)) return null;
  let total = 0;
  for (const [, count, unit] of text.matchAll(/(\d+)(ms|[smhdwy])/g)) total += Number(count) * (UNIT_MS[unit ?? ''] ?? 0);
  return total;
}
