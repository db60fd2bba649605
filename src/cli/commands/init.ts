import { existsSync } from 'node:fs';
import type { FoundHaproxy, FoundPrometheus, Look } from '../../app/look-around.ts';
import { CliError, usageError } from '../cli-error.ts';
import { invalidConfig } from '../config-report.ts';
import { ask, mayAsk } from '../confirm.ts';
import type { Context, Run } from '../context.ts';
import { EXIT } from '../exit-codes.ts';
import { type Answers, firstFile, splitCommand } from '../first-file.ts';
import type { Input } from '../input.ts';
import { writeNew } from '../write-new.ts';

const DEFAULT_COMMAND = './web-server --port {{port}}';

export const init: Run = async (ctx, input) => {
  const shown = input.text('out') ?? ctx.globals.config ?? 'drover.yaml';
  const path = ctx.path(shown);
  if (existsSync(path))
    throw new CliError(EXIT.refused, 'exists', `${shown} is there already; it is not overwritten`, [
      'choose another name:  drover init --out FILE',
      'look at what it says:  drover validate',
    ]);
  if (!mayAsk(ctx) && !ctx.globals.yes && (input.text('command') === null || input.text('max') === null)) {
    throw new CliError(EXIT.refused, 'unanswered', 'there is nobody to ask', [
      'pass --yes to take what is found, or answer with --command and --max (and --query, --per-instance, --min)',
    ]);
  }
  const found = await lookAround(ctx, input);
  const answers = await question(ctx, input, found);
  const { newInstallId, checkConfigText } = await import('../../app/cli-config.ts');
  const text = firstFile(answers, newInstallId());
  const read = await checkConfigText(text, path, shown, existsSync);
  if (!read.ok) throw await invalidConfig(ctx, read.diagnostics, text, shown);
  await writeNew(path, text, shown);
  const lines = text.trimEnd().split('\n').length;
  if (ctx.globals.json) {
    ctx.document({
      schema: 'drover.init/v1',
      file: path,
      lines,
      mode: 'observe',
      group: answers.group,
      text,
      found: { haproxy: found.haproxy.found, prometheus: found.prometheus.found },
    });
    return EXIT.ok;
  }
  ctx.line(`Wrote ${shown}, ${lines} lines, mode: observe. It will decide and record, and cannot touch anything.`);
  ctx.line('');
  ctx.line('Next   drover validate   is every answer what you meant');
  ctx.line('       drover serve      run it, and then:  drover why');
  if (answers.commandGuessed) ctx.note(`\nThe command is a guess: write yours into ${shown} (template.command).`);
  return EXIT.ok;
};

interface Found {
  readonly haproxy: Look<FoundHaproxy>;
  readonly prometheus: Look<FoundPrometheus>;
  readonly backend: string | null;
}

async function lookAround(ctx: Context, input: Input): Promise<Found> {
  const around = await import('../../app/look-around.ts');
  const socket = input.text('haproxy');
  const haproxy = await around.lookForHaproxy(socket === null ? around.HAPROXY_SOCKETS : [ctx.path(socket)]);
  if (haproxy.found === null && socket !== null) throw new CliError(EXIT.unreachable, 'no-haproxy', `no HAProxy at ${socket}: ${haproxy.why}`);
  const wanted = input.text('backend');
  const names = haproxy.found?.backends.map((b) => b.name) ?? [];
  if (wanted !== null && !names.includes(wanted)) throw usageError(`--backend: HAProxy has no backend ${wanted}`, `there are: ${names.join(', ') || 'none'}`);
  const group = input.text('group') ?? 'web';
  const backend = wanted ?? names.find((n) => n === group) ?? names[0] ?? null;
  const url = input.text('prometheus');
  const prometheus = await around.lookForPrometheus(url ?? around.PROMETHEUS_URL, backend);
  if (prometheus.found === null && url !== null) throw new CliError(EXIT.unreachable, 'no-prometheus', `no Prometheus at ${url}: ${prometheus.why}`);
  const tell = (status: 'ok' | 'none', text: string): void => ctx.note(`  ${status.padEnd(6)} ${text}`);
  ctx.note('Looking around');
  if (haproxy.found !== null) {
    const servers = haproxy.found.backends.find((b) => b.name === backend)?.servers ?? 0;
    tell(
      'ok',
      `haproxy socket ${haproxy.found.socket}, ${backend === null ? 'no backend' : `backend ${backend} with ${servers} server${servers === 1 ? '' : 's'}`}`,
    );
  } else tell('none', `haproxy: ${haproxy.why}`);
  if (prometheus.found !== null)
    tell(
      'ok',
      `prometheus ${prometheus.found.url}${prometheus.found.query === null ? ', no request rate that is known' : `, ${prometheus.found.query} is ${prometheus.found.now ?? 'missing'}`}`,
    );
  else tell('none', `prometheus: ${prometheus.why}`);
  tell('ok', 'processes of this machine (cloud local)');
  ctx.note('');
  return { haproxy, prometheus, backend };
}

/** An answer that is understood, or what to say about it. */
type Understood<T> = { readonly value: T } | { readonly wrong: string; readonly help?: string };

/** Flags answer first, then the person, then what was found. A person is asked again where the answer does not do; a flag that does not is wrong usage. */
async function question(ctx: Context, input: Input, found: Found): Promise<Answers & { readonly commandGuessed: boolean }> {
  const asking = mayAsk(ctx) && !ctx.globals.yes;
  const answer = async <T>(flag: string, text: string, preset: string, understand: (answer: string) => Understood<T>): Promise<T> => {
    const given = input.text(flag);
    for (;;) {
      const shown = preset === '' ? '' : `  [${preset}]`;
      const asked = given === null && asking ? (await ask(ctx, `? ${text.padEnd(34)}${shown} `)) || preset : (given ?? preset);
      const understood = understand(asked);
      if ('value' in understood) return understood.value;
      if (given !== null || !asking) throw usageError(understood.wrong, ...(understood.help === undefined ? [] : [understood.help]));
      ctx.note(`  ${understood.wrong}${understood.help === undefined ? '' : `; ${understood.help}`}`);
    }
  };
  const { found: prometheus } = found.prometheus;
  const rate = prometheus?.query ?? (found.backend === null ? 'none' : 'haproxy');
  const words = await answer('command', 'What starts one machine?', DEFAULT_COMMAND, commandOf);
  const query = await answer('query', 'By what? (PromQL, haproxy, none)', rate, (text) => queryOf(text, found));
  if (query === null && input.text('perInstance') !== null)
    throw usageError(
      '--per-instance says how much load one machine carries, but nothing is measured',
      'say what is measured with --query PROMQL or --query haproxy',
    );
  const perInstance = query === null ? 0 : await answer('perInstance', 'Comfortable load for one?', '100', loadOf);
  const min = await answer('min', 'Never fewer than?', '1', (text) => sizeOf(text, '--min', 0));
  const max = await answer('max', 'Never more than?', String(Math.max(5, min)), (text) => sizeOf(text, '--max', Math.max(1, min)));
  return {
    group: input.text('group') ?? 'web',
    command: words,
    commandGuessed: words.join(' ') === DEFAULT_COMMAND,
    prometheus: query === null || query === 'haproxy' ? null : (prometheus?.url ?? null),
    haproxy: found.haproxy.found === null || found.backend === null ? null : { socket: found.haproxy.found.socket, backend: found.backend },
    query,
    perInstance,
    min,
    max,
  };
}

function commandOf(text: string): Understood<readonly string[]> {
  try {
    return { value: splitCommand(text) };
  } catch (e) {
    if (e instanceof CliError) return { wrong: e.message };
    throw e;
  }
}

function queryOf(text: string, found: Found): Understood<string | null> {
  if (text === 'none') return { value: null };
  if (text === 'haproxy')
    return found.backend === null ? { wrong: 'no backend of HAProxy was found', help: 'name its socket with --haproxy SOCKET' } : { value: text };
  if (found.prometheus.found === null) return { wrong: 'a query needs Prometheus, and none was found', help: 'name it with --prometheus URL' };
  return { value: text };
}

function loadOf(text: string): Understood<number> {
  const value = Number(text);
  return value > 0 && Number.isFinite(value) ? { value } : { wrong: `the comfortable load of one is a number above 0, not \`${text}\`` };
}

function sizeOf(text: string, flag: string, least: number): Understood<number> {
  const value = /^\d{1,6}$/.test(text) ? Number(text) : Number.NaN;
  return value >= least && value <= 100_000 ? { value } : { wrong: `${flag} is a whole number from ${least} to 100000, not \`${text}\`` };
}
