import { usageError } from './cli-error.ts';

/** What `init` was told. */
export interface Answers {
  readonly group: string;
  readonly command: readonly string[];
  readonly prometheus: string | null;
  readonly haproxy: { readonly socket: string; readonly backend: string } | null;
  /** PromQL, `haproxy` for its request rate, or null: nothing is measured. */
  readonly query: string | null;
  readonly perInstance: number;
  readonly min: number;
  readonly max: number;
}

const text = (value: string): string =>
  /^[A-Za-z0-9_./:-]+$/.test(value) && /^[./A-Za-z]/.test(value) && !value.endsWith(':') ? value : JSON.stringify(value);

/** A first configuration, at most 15 lines. */
export function firstFile(a: Answers, installId: string): string {
  const { haproxy } = a;
  const target =
    a.query === 'haproxy' && haproxy !== null
      ? `{ from: haproxy, metric: request_rate, backend: ${text(haproxy.backend)}, per_instance: ${a.perInstance} }`
      : a.query === null
        ? null
        : `{ query: ${JSON.stringify(a.query)}, per_instance: ${a.perInstance} }`;
  const lines = [
    'version: 1',
    `server: { install_id: "${installId}" }`,
    ...(a.prometheus === null ? [] : [`prometheus: ${text(a.prometheus)}`]),
    ...(a.query === 'haproxy' && haproxy !== null ? [`sources: { haproxy: { socket: ${text(haproxy.socket)} } }`] : []),
    'groups:',
    `  ${a.group}:`,
    '    mode: observe # decides and records, touches nothing; `act` lets it act',
    '    cloud: local',
    `    template: { command: [${a.command.map(text).join(', ')}] }`,
    ...(haproxy === null ? [] : [`    balancer: { haproxy: ${text(haproxy.socket)}, backend: ${text(haproxy.backend)} }`]),
    `    min: ${a.min}`,
    `    max: ${a.max}`,
    ...(target === null ? [] : [`    target: ${target}`]),
  ];
  return `${lines.join('\n')}\n`;
}

/** Words of a command line, with quotes but without anything else a shell would do. */
export function splitCommand(line: string): readonly string[] {
  const words: string[] = [];
  let word: string | null = null;
  let quote = '';
  for (const c of line) {
    if (quote !== '') {
      if (c === quote) quote = '';
      else word = (word ?? '') + c;
    } else if (c === '"' || c === "'") {
      quote = c;
      word ??= '';
    } else if (/\s/.test(c)) {
      if (word !== null) words.push(word);
      word = null;
    } else word = (word ?? '') + c;
  }
  if (quote !== '') throw usageError(`the command has a ${quote} that is not closed`);
  if (word !== null) words.push(word);
  if (words.length === 0) throw usageError('the command is empty');
  return words;
}
