/** One command of the operator: what it is given, and what its answer means. */
import type { z } from 'zod';
import type { JsonObject } from '../../../core/model/json.ts';
import { ending, resolveValues, throwIfAborted } from '../../../kit/command.ts';
import { durationMs } from '../../../kit/duration-text.ts';
import { parseJson } from '../../../kit/parse-json.ts';
import type { DriverPorts } from '../../../ports/driver.ts';
import { DriverError } from '../../../ports/errors.ts';
import type { ExecOptions } from './options.ts';
import { EXIT_CODES } from './translate.ts';

const MAX_OUTPUT_BYTES = 16 * 1024 * 1024;

export type CallName = 'list' | 'create' | 'delete' | 'get';

export interface CommandCall {
  readonly name: CallName;
  /** DROVER_* variables; the values also go to standard input as JSON. */
  readonly env: Readonly<Record<string, string>>;
  readonly input: JsonObject;
  readonly signal: AbortSignal;
}

export class CommandClient {
  readonly #options: ExecOptions;
  readonly #ports: DriverPorts;

  constructor(options: ExecOptions, ports: DriverPorts) {
    this.#options = options;
    this.#ports = ports;
  }

  /** What the command printed. Throws by its exit code. */
  async run(call: CommandCall): Promise<string> {
    throwIfAborted(call.signal, `the ${call.name} command`);
    const { files, baseDir, installId } = this.#ports;
    const [program = '', ...args] = this.#options[call.name] ?? [];
    const { values, secrets } = await resolveValues(this.#options.env, this.#ports.secrets);
    throwIfAborted(call.signal, `the ${call.name} command`);
    const result = await this.#ports.processes.run({
      argv: [program.includes('/') ? files.resolve(baseDir, program) : program, ...args],
      env: { ...values, DROVER_CALL: call.name, DROVER_INSTALL: installId, ...call.env },
      cwd: files.resolve(baseDir, this.#options.cwd ?? '.'),
      stdin: `${JSON.stringify({ call: call.name, install: installId, ...call.input })}\n`,
      timeoutMs: durationMs(this.#options.timeout),
      maxBytes: MAX_OUTPUT_BYTES,
      signal: call.signal,
    });
    if (result.exitCode === 0) return result.stdout;
    const code = result.exitCode === null ? 'unknown' : (EXIT_CODES[result.exitCode] ?? 'unknown');
    throw new DriverError(code, `the ${call.name} command ended with ${ending(result, secrets)}`);
  }
}

/** The answer of a command, checked. Never quotes it: it may hold anything. */
export function readAnswer<Schema extends z.ZodType>(name: CallName, text: string, schema: Schema): z.output<Schema> {
  const parsed = parseJson(text);
  if (!parsed.ok) throw new DriverError('bad-reply', `the ${name} command must print JSON: ${parsed.why}`);
  const checked = schema.safeParse(parsed.value);
  if (checked.success) return checked.data;
  const issue = checked.error.issues[0];
  const field = issue?.path.map(String).join('.') || 'the answer';
  throw new DriverError('bad-reply', `the ${name} command printed JSON that does not fit: ${field}: ${issue?.message}`.slice(0, 300));
}
