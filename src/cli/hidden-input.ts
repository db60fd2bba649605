/** A value that must not be seen: typed without echo, or taken from another program or a file. */
import { open } from 'node:fs/promises';
import { CliError, usageError } from './cli-error.ts';
import type { Context } from './context.ts';
import { EXIT } from './exit-codes.ts';

/** One byte beyond the limit is read, and no more: enough to know that it is too long. */
export async function readHidden(ctx: Context, what: string, maxBytes: number): Promise<string> {
  const { stdin } = ctx.io;
  if (stdin.isTTY !== true) return textOf(await bounded(stdin as AsyncIterable<Buffer | string>, maxBytes), what);
  if (!ctx.globals.input) {
    throw new CliError(EXIT.refused, 'unanswered', `the value of ${what} is needed, and nothing may be asked`, [
      'give it on standard input, or with --from-file',
    ]);
  }
  const first = await typed(ctx, `Value of ${what} (not shown): `, maxBytes);
  if ((await typed(ctx, 'The same again: ', maxBytes)) !== first)
    throw new CliError(EXIT.refused, 'unconfirmed', 'the two are not the same; nothing was changed');
  return first;
}

export async function readHiddenFile(path: string, what: string, maxBytes: number): Promise<string> {
  await using file = await open(path, 'r');
  return textOf(await bounded(file.createReadStream({ end: maxBytes, autoClose: false }), maxBytes), what);
}

async function bounded(stream: AsyncIterable<Buffer | string>, maxBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of stream) {
    const bytes = Buffer.from(chunk);
    size += bytes.length;
    if (size > maxBytes) throw usageError(`the value is larger than ${maxBytes} bytes; nothing was changed`);
    chunks.push(bytes);
  }
  return Buffer.concat(chunks);
}

/** A value that is no UTF-8 would come back as another one. */
function textOf(bytes: Buffer, what: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw usageError(`the value of ${what} is not text in UTF-8; encode it (base64) first`);
  }
}

const [END_OF_TEXT, END_OF_TRANSMISSION, BACKSPACE, DELETE, ESCAPE] = ['\u0003', '\u0004', '\b', '\u007f', '\u001b'];

/** One line from the terminal in raw mode: nothing of it is echoed. */
function typed(ctx: Context, question: string, maxBytes: number): Promise<string> {
  const { stdin } = ctx.io;
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  let value = '';
  let over = false;
  const end = (settle: () => void): void => {
    over = true;
    stdin.off('data', take).off('end', ended);
    stdin.setRawMode(false);
    stdin.pause();
    ctx.note('');
    settle();
  };
  const refuse = (exit: number, code: string, text: string): void => end(() => reject(new CliError(exit, code, text)));
  const ended = (): void => refuse(EXIT.refused, 'unanswered', 'the input ended without an answer; nothing was changed');
  const take = (chunk: Buffer | string): void => {
    const text = chunk.toString();
    for (let i = 0; i < text.length; i++) {
      const c = text.charAt(i);
      if (c === '\r' || c === '\n') {
        end(() => resolve(value));
        // What was pasted behind the line is the next answer.
        const rest = text.slice(i + 1).replace(c === '\r' ? /^\n/ : /^$/, '');
        if (rest !== '') stdin.unshift(Buffer.from(rest));
        return;
      }
      if (c === END_OF_TEXT) refuse(EXIT.interrupted, 'interrupted', 'interrupted; nothing was changed');
      else if (c === END_OF_TRANSMISSION) ended();
      else if (c === BACKSPACE || c === DELETE) value = value.replace(/.$/su, '');
      else if (c !== ESCAPE) value += c;
      if (value.length > maxBytes) refuse(EXIT.usage, 'usage', `the value is larger than ${maxBytes} bytes; nothing was changed`);
      if (over) return;
    }
  };
  stdin.setRawMode(true);
  ctx.io.stderr.write(question);
  stdin.on('data', take).once('end', ended);
  stdin.resume();
  return promise;
}
