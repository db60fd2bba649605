/** Server-sent events out of a stream of text. Pure. */
export interface SseMessage {
  readonly id: string | null;
  readonly event: string;
  readonly data: string;
}

/** A message longer than this is not one of ours. */
const MAX_CHARS = 4 * 1_048_576;

/** Feed it pieces as they come; it returns the messages they complete. Throws when one grows without end. */
export function createSseParser(): (text: string) => SseMessage[] {
  let rest = '';
  return (text) => {
    rest += text;
    const blocks = rest.split(/\r?\n\r?\n/);
    rest = blocks.pop() ?? '';
    if (rest.length > MAX_CHARS) throw new Error('the event stream sent a message without an end');
    return blocks.flatMap(parseBlock);
  };
}

function parseBlock(block: string): SseMessage[] {
  let id: string | null = null;
  let event = 'message';
  const data: string[] = [];
  for (const line of block.split(/\r?\n/)) {
    const at = line.indexOf(':');
    const field = at < 0 ? line : line.slice(0, at);
    const value = at < 0 ? '' : line.slice(at + 1).replace(/^ /, '');
    if (field === 'id') id = value;
    else if (field === 'event') event = value;
    else if (field === 'data') data.push(value);
  }
  return data.length === 0 ? [] : [{ id, event, data: data.join('\n') }];
}
