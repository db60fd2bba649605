/** executor.yml as prometheus-am-executor reads it: YAML 1.1, unknown keys without effect. */
import { parseDocument } from 'yaml';
import { z } from 'zod';

const yes = z.union([z.boolean(), z.string(), z.number()]).optional();
const command = z.looseObject({
  cmd: z.string().min(1),
  args: z.array(z.union([z.string(), z.number(), z.boolean()]).transform(String)).nullish(),
  match_labels: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()]).transform(String)).nullish(),
  notify_on_failure: yes,
  max: z.number().nullish(),
  ignore_resolved: yes,
  resolved_signal: z.union([z.string(), z.number()]).nullish(),
});
const file = z.looseObject({
  listen_address: z.string().nullish(),
  verbose: yes,
  tls_key: z.string().nullish(),
  tls_crt: z.string().nullish(),
  commands: z.array(command).nullish(),
});

export interface ExecutorCommand {
  readonly cmd: string;
  readonly args: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
  readonly notifyOnFailure: boolean;
  readonly max: number;
  readonly ignoresResolved: boolean;
  readonly resolvedSignal: string;
}
export interface Executor {
  readonly listen: string;
  readonly tls: boolean;
  readonly commands: readonly ExecutorCommand[];
  /** Keys that mean nothing to it, with their place. */
  readonly unknown: readonly string[];
}

const KEYS = Object.keys(file.shape);
const COMMAND_KEYS = Object.keys(command.shape);

export type ReadExecutor = { readonly ok: true; readonly executor: Executor } | { readonly ok: false; readonly why: string };

export function readExecutor(text: string): ReadExecutor {
  const document = parseDocument(text, { version: '1.1', merge: true, uniqueKeys: false, logLevel: 'silent' });
  const [error] = document.errors;
  if (error !== undefined) return { ok: false, why: error.message.split('\n')[0] ?? 'it does not parse' };
  let value: unknown;
  try {
    value = document.toJS({ maxAliasCount: 100 });
  } catch {
    return { ok: false, why: 'its anchors unfold to more than can be read' };
  }
  const read = file.safeParse(value ?? {});
  if (!read.success) {
    const [issue] = read.error.issues;
    return { ok: false, why: `${issue?.path.join('.') || 'the file'}: ${issue?.message ?? 'is wrong'}` };
  }
  const commands = read.data.commands ?? [];
  if (commands.length === 0) return { ok: false, why: 'it has no commands' };
  const unknown = [
    ...Object.keys(read.data).filter((key) => !KEYS.includes(key)),
    ...commands.flatMap((c, i) =>
      Object.keys(c)
        .filter((key) => !COMMAND_KEYS.includes(key))
        .map((key) => `commands[${i}].${key}`),
    ),
  ];
  const tls = Boolean(read.data.tls_key) && Boolean(read.data.tls_crt);
  return { ok: true, executor: { listen: read.data.listen_address || ':8080', tls, commands: distinct(commands.map(commandOf)), unknown } };
}

function commandOf(c: z.output<typeof command>): ExecutorCommand {
  return {
    cmd: c.cmd,
    args: c.args ?? [],
    labels: c.match_labels ?? {},
    notifyOnFailure: c.notify_on_failure === undefined || c.notify_on_failure === true,
    max: Math.max(0, Math.trunc(c.max ?? 0)),
    ignoresResolved: c.ignore_resolved === true,
    resolvedSignal: String(c.resolved_signal ?? 'SIGKILL').toUpperCase(),
  };
}

/** It starts equal commands once. */
function distinct(commands: readonly ExecutorCommand[]): readonly ExecutorCommand[] {
  const seen = new Set<string>();
  return commands.filter((c) => {
    const key = JSON.stringify([c.cmd, c.args, Object.entries(c.labels).sort(([a], [b]) => (a < b ? -1 : 1))]);
    return !seen.has(key) && seen.add(key);
  });
}
