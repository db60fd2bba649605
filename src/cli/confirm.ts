import { createInterface, type Interface } from 'node:readline';
import { CliError } from './cli-error.ts';
import type { Context } from './context.ts';
import { EXIT } from './exit-codes.ts';

/** Somebody is there to answer, and questions are wanted. */
export function mayAsk(ctx: Context): boolean {
  return ctx.io.stdin.isTTY === true && ctx.io.stderr.isTTY === true && ctx.globals.input && !ctx.globals.json;
}

/** One reader for the whole command: answers that were typed ahead, or pasted, wait for their question. */
class Asker {
  readonly #lines: Interface;
  readonly #typed: string[] = [];
  #waiting: PromiseWithResolvers<string> | null = null;
  #ended: CliError | null = null;

  constructor(ctx: Context) {
    this.#lines = createInterface({ input: ctx.io.stdin, output: ctx.io.stderr as NodeJS.WritableStream, terminal: false });
    // The terminal itself edits the line and turns Ctrl-C into a signal; we print nothing but the question.
    this.#lines.on('line', (line) => this.#take(line));
    this.#lines.once('close', () => {
      this.#ended = new CliError(EXIT.refused, 'unanswered', 'the input ended without an answer; nothing was changed');
      this.#waiting?.reject(this.#ended);
    });
    ctx.onEnd(async () => this.#lines.close());
  }

  #take(line: string): void {
    const waiting = this.#waiting;
    this.#waiting = null;
    if (waiting === null) this.#typed.push(line);
    else waiting.resolve(line);
  }

  async ask(question: string): Promise<string> {
    this.#lines.setPrompt(question);
    this.#lines.prompt();
    const ready = this.#typed.shift();
    if (ready !== undefined) return ready.trim();
    if (this.#ended !== null) throw this.#ended;
    this.#waiting = Promise.withResolvers();
    return (await this.#waiting.promise).trim();
  }
}
const askers = new WeakMap<Context, Asker>();

/** Asks on stderr and reads one line. */
export function ask(ctx: Context, question: string): Promise<string> {
  const asker = askers.get(ctx) ?? new Asker(ctx);
  askers.set(ctx, asker);
  return asker.ask(question);
}

/** A moderate change: y/N in a terminal, else --yes. */
export async function confirmYes(ctx: Context, what: string): Promise<void> {
  if (ctx.globals.yes) return;
  if (!mayAsk(ctx)) throw new CliError(EXIT.refused, 'unconfirmed', `${what}: this needs a yes`, ['pass --yes to go on; nothing was changed']);
  if (!/^y(es)?$/i.test(await ask(ctx, `${what}? [y/N] `))) throw new CliError(EXIT.refused, 'unconfirmed', 'nothing was changed');
}

/** A severe change: each name typed in a terminal, else `--confirm NAME` for each. Returns the names. */
export async function confirmNames(ctx: Context, what: string, names: readonly string[]): Promise<readonly string[]> {
  const missing = names.filter((name) => !ctx.globals.confirm.includes(name));
  if (missing.length === 0) return names;
  const flags = missing.map((name) => `--confirm ${name}`).join(' ');
  if (!mayAsk(ctx)) {
    throw new CliError(EXIT.refused, 'unconfirmed', what, [`pass ${flags} to go on; nothing was changed`], { confirm: missing });
  }
  ctx.note(what);
  for (const name of missing) {
    if ((await ask(ctx, `Type ${name} to go on (or pass --confirm ${name}): `)) !== name) {
      throw new CliError(EXIT.refused, 'unconfirmed', `that was not \`${name}\`; nothing was changed`);
    }
  }
  return names;
}
