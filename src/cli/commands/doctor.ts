import { constants } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Client } from '../../api/client.ts';
import type { CheckedFile } from '../../app/cli-config.ts';
import { DriverError } from '../../app/cli-parts.ts';
import type { Finding } from '../../app/probe-world.ts';
import { CliError } from '../cli-error.ts';
import { checkFile } from '../config-report.ts';
import type { Context, Run } from '../context.ts';
import { EXIT } from '../exit-codes.ts';
import { stateDirOf } from '../find-server.ts';

/** Errors of the configuration shown here; `drover validate` shows all. */
const MOST_ERRORS = 5;

const finding = (status: Finding['status'], subject: string, text: string, more: readonly string[] = []): Finding => ({
  status,
  subject,
  text,
  more,
  at: null,
});

export const doctor: Run = async (ctx, input) => {
  if (['rules', 'alertmanager', 'prometheus', 'executor'].some((option) => input.text(option) !== null || input.many(option).length > 0)) {
    const { doctorRules } = await import('../doctor-rules.ts');
    return doctorRules(ctx, input);
  }
  const file = ctx.configFile(input.arg(0));
  const findings: Finding[] = [];
  const tell = (...found: readonly Finding[]): void => {
    findings.push(...found);
    if (!ctx.globals.json) for (const f of found) print(ctx, f);
  };
  const checked = await readIt(file.path, file.shown);
  tell(configFinding(checked, file.shown));
  tell(await stateFinding(await stateDirOf(ctx, input.arg(0))));
  const server = await askController(ctx);
  tell(...server.findings);
  if (checked instanceof Error || !checked.read.ok) tell(...server.groups);
  else {
    const { probeSecrets } = await import('../../app/probe-secrets.ts');
    tell(...(await probeSecrets(checked.read.config, file.path)));
    const { probeWorld } = await import('../../app/probe-world.ts');
    tell(...(await probeWorld(checked.read.config, file.path, ctx.globals.timeoutMs, server.install)));
  }
  const [failures, warnings] = ['FAIL', 'warn'].map((s) => findings.filter((f) => f.status === s).length) as [number, number];
  if (ctx.globals.json) ctx.document({ schema: 'drover.doctor/v1', ok: failures === 0, failures, warnings, findings });
  else if (!ctx.globals.plain) ctx.line(`\n${failures} failure${failures === 1 ? '' : 's'}, ${warnings} warning${warnings === 1 ? '' : 's'}.`);
  return failures === 0 ? EXIT.ok : EXIT.problem;
};

function print(ctx: Context, f: Finding): void {
  if (ctx.globals.plain) {
    ctx.table([], [[f.status, f.subject, f.text, f.at ?? '']]);
    return;
  }
  const colour = { ok: 'green', warn: 'yellow', FAIL: 'red' } as const;
  ctx.line(`${ctx.paint(colour[f.status], f.status.padEnd(4))}   ${f.subject.padEnd(14)} ${f.text}${f.at === null ? '' : `   ${f.at}`}`);
  for (const line of f.more) ctx.line(`         ${line}`);
}

// ── this machine ──

async function readIt(path: string, shown: string): Promise<CheckedFile | DriverError> {
  try {
    return await checkFile(path, shown);
  } catch (e) {
    if (e instanceof DriverError) return e;
    throw e;
  }
}

function configFinding(checked: CheckedFile | DriverError, shown: string): Finding {
  if (checked instanceof Error) {
    if (checked.code === 'not-found') return finding('warn', 'config', `there is no ${shown} here; only the controller is asked`);
    return finding('FAIL', 'config', checked.message);
  }
  const { read } = checked;
  if (!read.ok) {
    const errors = read.diagnostics.filter((d) => d.severity === 'error');
    const lines = errors.slice(0, MOST_ERRORS).map((d) => `${d.file}:${d.line}:${d.column} ${d.message}`);
    const more = errors.length - lines.length;
    return finding('FAIL', 'config', `${shown} has ${errors.length} error${errors.length === 1 ? '' : 's'}; the rest of it is not looked at`, [
      ...lines,
      ...(more > 0 ? [`and ${more} more`] : []),
      `drover validate ${shown}`,
    ]);
  }
  const groups = read.config.groups.length;
  const text = `${shown}, ${groups} group${groups === 1 ? '' : 's'}, version 1`;
  const { warnings } = read.config;
  if (warnings.length === 0) return finding('ok', 'config', text);
  return finding(
    'warn',
    'config',
    `${text}, ${warnings.length} warning${warnings.length === 1 ? '' : 's'}`,
    warnings.map((w) => `${w.file}:${w.line}:${w.column} ${w.message}`),
  );
}

async function stateFinding(dir: string): Promise<Finding> {
  try {
    const found = await stat(dir);
    if (!found.isDirectory()) return finding('FAIL', 'state', `${dir} is not a directory`);
    if ((found.mode & 0o007) !== 0) return finding('warn', 'state', `${dir} is open to every user of this machine; run: chmod o= ${dir}`);
    await access(dir, constants.R_OK | constants.W_OK);
    const bytes = await stat(join(dir, 'drover.db')).then(
      (s) => s.size,
      () => null,
    );
    return finding('ok', 'state', bytes === null ? `${dir}, empty so far` : `${dir}, ${Math.max(1, Math.round(bytes / 1024))} KiB`);
  } catch (e) {
    const { code } = e as NodeJS.ErrnoException;
    if (code === 'ENOENT') return finding('ok', 'state', `${dir} is not there yet; the first start makes it`);
    if (code === 'EACCES' || code === 'EPERM')
      return finding('warn', 'state', `${dir} may not be read or written by this user; that of the controller must be able to`);
    throw e;
  }
}

// ── the controller ──

interface Server {
  readonly findings: Finding[];
  /** What it says of its groups, for when the file is not here. */
  readonly groups: Finding[];
  readonly install: string | null;
}

async function askController(ctx: Context): Promise<Server> {
  try {
    return await look(ctx, await ctx.client());
  } catch (e) {
    if (!(e instanceof CliError)) throw e;
    const found =
      e.code === 'no-controller'
        ? finding('warn', 'controller', 'none runs here; start it with `drover serve`')
        : finding('FAIL', 'controller', e.message, e.help);
    return { findings: [found], groups: [], install: null };
  }
}

async function look(ctx: Context, client: Client): Promise<Server> {
  const { clockFinding } = await import('../../app/probe-world.ts');
  const ready = await client.readyz();
  const before = ctx.clock.wall();
  const fleet = await client.fleet();
  const after = ctx.clock.wall();
  const version = await client.version();
  const findings = [
    ready.ready
      ? finding('ok', 'controller', `${version.version}, ready, store writable, ${fleet.groups.length} group${fleet.groups.length === 1 ? '' : 's'}`)
      : finding('FAIL', 'controller', 'not ready', ready.not_ready),
    clockFinding('controller', Date.parse(fleet.at) - (before + after) / 2, (after - before) / 2),
    ...fleet.groups.filter((g) => g.problem !== null).map((g) => finding('FAIL', g.group, g.problem ?? '', [`drover why ${g.group}`])),
  ];
  try {
    const { error } = await client.config();
    if (error !== null) findings.push(finding('FAIL', 'controller', 'a newer file on disk is not used', [error]));
  } catch (e) {
    // A viewer may not read the configuration: the rest still counts.
    if (!(e instanceof CliError) || e.exit !== EXIT.notAllowed) throw e;
  }
  const groups = fleet.groups.flatMap((g) =>
    Object.entries(g.readings).map(([metric, r]) =>
      r.kind === 'missing'
        ? finding('FAIL', `${g.group}.${metric}`, `missing (${r.missing}): ${r.detail}`)
        : finding('ok', `${g.group}.${metric}`, r.age_s === null ? `${r.value}, age unknown` : `${r.value}, ${r.age_s} s old`),
    ),
  );
  return { findings, groups, install: version.install };
}
