import jsep from 'jsep';

/**
 * Arithmetic over named metrics. The text is parsed once, into a small tree that is plain JSON; only what is listed here
 * exists: there are no properties, no strings, no calls but these, so an expression can reach nothing.
 */

/** A number, a metric's name, or an operator (first) with its operands. */
export type Expression = number | string | readonly Expression[];

const BINARY = new Set(['+', '-', '*', '/', '%', '<', '<=', '>', '>=', '==', '!=']);
const FUNCTIONS: Readonly<Record<string, { readonly min: number; readonly max: number }>> = {
  min: { min: 1, max: 20 },
  max: { min: 1, max: 20 },
  abs: { min: 1, max: 1 },
  ceil: { min: 1, max: 1 },
  floor: { min: 1, max: 1 },
  round: { min: 1, max: 1 },
  sqrt: { min: 1, max: 1 },
};
const MAX_LENGTH = 1000;
const MAX_DEPTH = 50;

export class FormulaError extends Error {}

/** Throws FormulaError with what is wrong, in words. */
export function parseExpression(text: string): Expression {
  if (text.trim() === '') throw new FormulaError('a formula is empty');
  if (text.length > MAX_LENGTH) throw new FormulaError(`a formula has at most ${MAX_LENGTH} characters`);
  let tree: jsep.Expression;
  try {
    tree = jsep(text);
  } catch (e) {
    throw new FormulaError(e instanceof Error ? e.message : 'the formula cannot be read');
  }
  return convert(tree as jsep.CoreExpression, 0);
}

function convert(node: jsep.Expression | null, depth: number): Expression {
  if (depth > MAX_DEPTH) throw new FormulaError('the formula is nested too deeply');
  const core = node as jsep.CoreExpression;
  const below = (n: jsep.Expression) => convert(n, depth + 1);
  switch (core?.type) {
    case 'Literal':
      if (typeof core.value !== 'number' || !Number.isFinite(core.value)) throw new FormulaError(`${core.raw} is not a number`);
      return core.value;
    case 'Identifier':
      return core.name;
    case 'UnaryExpression':
      if (core.operator === '-') return ['neg', below(core.argument)];
      if (core.operator === '+') return below(core.argument);
      throw new FormulaError(`\`${core.operator}\` is not known in a formula`);
    case 'BinaryExpression':
      if (!BINARY.has(core.operator)) throw new FormulaError(`\`${core.operator}\` is not known in a formula; known: ${[...BINARY].join(' ')} and a ? b : c`);
      return [core.operator, below(core.left), below(core.right)];
    case 'ConditionalExpression':
      return ['?', below(core.test), below(core.consequent), below(core.alternate)];
    case 'CallExpression':
      return call(core, below);
    default:
      throw new FormulaError(
        'a formula has numbers, metric names, + - * / %, comparisons, a ? b : c and functions only; metric names are letters, digits and _',
      );
  }
}

function call(node: jsep.CallExpression, below: (n: jsep.Expression) => Expression): Expression {
  const name = node.callee.type === 'Identifier' ? nameOf(node.callee) : '';
  const arity = Object.hasOwn(FUNCTIONS, name) ? FUNCTIONS[name] : undefined;
  if (!arity) throw new FormulaError(`\`${name || 'this'}\` is not a function here; known: ${Object.keys(FUNCTIONS).join(', ')}`);
  const count = node.arguments.length;
  if (count < arity.min || count > arity.max) throw new FormulaError(`\`${name}\` takes ${arity.max === 1 ? 'one value' : 'one or more values'}`);
  return [name, ...node.arguments.map(below)];
}

/** Names of the metrics in it, each once, in order of appearance. */
export function metricsIn(expression: Expression, found: string[] = []): readonly string[] {
  if (typeof expression === 'string') {
    if (!found.includes(expression)) found.push(expression);
  } else if (typeof expression !== 'number') {
    for (let i = 1; i < expression.length; i++) metricsIn(expression[i] as Expression, found);
  }
  return found;
}

/** NaN where it has no value: a metric is missing, a division by zero. */
export function evaluate(expression: Expression, metric: (name: string) => number | null): number {
  if (typeof expression === 'number') return expression;
  if (typeof expression === 'string') return metric(expression) ?? Number.NaN;
  const operator = expression[0] as string;
  const at = (i: number) => evaluate(expression[i] as Expression, metric);
  if (operator === '?') {
    const test = at(1);
    return Number.isNaN(test) ? test : test !== 0 ? at(2) : at(3);
  }
  if (operator === 'min' || operator === 'max') {
    let best = at(1);
    for (let i = 2; i < expression.length; i++) best = operator === 'min' ? Math.min(best, at(i)) : Math.max(best, at(i));
    return best;
  }
  return expression.length === 2 ? unary(operator, at(1)) : binary(operator, at(1), at(2));
}

function unary(operator: string, a: number): number {
  switch (operator) {
    case 'neg':
      return -a;
    case 'abs':
      return a < 0 ? -a : a;
    case 'ceil':
      return Math.ceil(a);
    case 'floor':
      return Math.floor(a);
    case 'round':
      return Math.floor(a + 0.5);
    case 'sqrt':
      return Math.sqrt(a);
    default:
      return Number.NaN;
  }
}

function binary(operator: string, a: number, b: number): number {
  if (Number.isNaN(a) || Number.isNaN(b)) return Number.NaN;
  switch (operator) {
    case '+':
      return a + b;
    case '-':
      return a - b;
    case '*':
      return a * b;
    case '/':
      return a / b;
    case '%':
      return a % b;
    case '<':
      return a < b ? 1 : 0;
    case '<=':
      return a <= b ? 1 : 0;
    case '>':
      return a > b ? 1 : 0;
    case '>=':
      return a >= b ? 1 : 0;
    case '==':
      return a === b ? 1 : 0;
    case '!=':
      return a !== b ? 1 : 0;
    default:
      return Number.NaN;
  }
}

function nameOf(node: object): string {
  return 'name' in node && typeof node.name === 'string' ? node.name : '';
}
