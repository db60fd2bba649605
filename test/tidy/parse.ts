import { parseAst } from 'vitest/node';

/** The syntax tree of TypeScript text; throws a SyntaxError. The compiler itself has no such interface, and vitest brings a parser along. */
export function parseTypeScript(text: string, lang: 'ts' | 'tsx'): unknown {
  // oxlint-disable-next-line typescript/no-deprecated -- what it was replaced by is not exported by vitest
  return parseAst(text, { lang });
}
