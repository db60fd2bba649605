/** Looks through the files of a chain Prometheus → Alertmanager → prometheus-am-executor for what makes such chains fail. Reads texts only. */
import { type Frame, frameOf } from '../../config/diagnostic.ts';
import { type Paint, printDiagnostic } from '../../config/print.ts';
import { realFiles } from '../../platform/files.ts';
import { checkCpu } from './check-cpu.ts';
import { checkExecutor, checkGroupInterval, checkRoutes } from './check-delivery.ts';
import { type Chain, checkMaximum, checkScaleIn } from './check-scaling.ts';
import { checkIntervals, checkPrometheus, checkWindows } from './check-timing.ts';
import { commandsOf } from './executor-file.ts';
import { CHECKS, findingAt, type RuleFinding } from './finding.ts';
import { type ForeignFile, type ForeignText, readForeign } from './foreign-file.ts';
import { rulesOf } from './rule-files.ts';

export { CHECKS, type ForeignText, type RuleFinding };

/** At least one file of rules; the others where they are known. */
export interface ForeignTexts {
  readonly rules: readonly ForeignText[];
  readonly alertmanager: ForeignText | null;
  readonly prometheus: ForeignText | null;
  readonly executor: ForeignText | null;
}

const MAX_BYTES = 1_048_576;
const MOST_FINDINGS = 200;

/** The text of one file. Throws DriverError not-found, unauthorized or bad-reply (larger than 1 MiB). */
export async function readForeignText(path: string, shown: string): Promise<ForeignText> {
  return { shown, text: await realFiles.readText(path, MAX_BYTES) };
}

/** Every finding, file by file, from top to bottom; at most 200. Never throws. */
export function lintRules(texts: ForeignTexts): readonly RuleFinding[] {
  const read = (text: ForeignText | null, needs: string): ForeignFile | null => (text === null ? null : readForeign(text, needs));
  const rules = texts.rules.map((text) => readForeign(text, 'groups'));
  const alertmanager = read(texts.alertmanager, 'route');
  const prometheus = read(texts.prometheus, 'scrape_configs');
  const executor = read(texts.executor, 'commands');
  const files = [...rules, prometheus, alertmanager, executor].filter((f) => f !== null);
  const chain: Chain = { rules: rulesOf(rules), alertmanager, prometheus, executor, commands: executor === null ? [] : commandsOf(executor) };
  const found = [
    ...files.flatMap((f) => f.findings),
    ...rules.flatMap(withoutGroups),
    ...checkCpu(chain.rules),
    ...checkScaleIn(chain),
    ...checkMaximum(chain),
    ...checkIntervals(chain),
    ...checkWindows(chain),
    ...checkPrometheus(chain),
    ...checkRoutes(chain),
    ...checkGroupInterval(chain),
    ...checkExecutor(chain),
  ];
  const order = files.map((f) => f.shown);
  const asWritten = found.map((f) => (f.code === 'unreadable' ? f : inWrittenColumns(f, files)));
  return [...once(asWritten)].sort((a, b) => order.indexOf(a.file) - order.indexOf(b.file) || a.line - b.line || a.column - b.column).slice(0, MOST_FINDINGS);
}

/** Of a line that was moved to be read, the column in the file as it is. */
function inWrittenColumns(finding: RuleFinding, files: readonly ForeignFile[]): RuleFinding {
  const by = files.find((f) => f.shown === finding.file)?.moved.get(finding.line) ?? 0;
  return by === 0 ? finding : { ...finding, column: finding.column - by, endColumn: finding.endColumn - by };
}

function withoutGroups(file: ForeignFile): readonly RuleFinding[] {
  if (file.root === null || file.root.entries.some((e) => e.key === 'groups')) return [];
  return [
    findingAt(file.frame, 'unreadable', file.root.span, {
      severity: 'error',
      message: `${file.shown} has no groups: Prometheus finds no rule in it`,
      label: 'such a file begins with `groups:`',
      fix: 'groups: [{ name: scaling, rules: [...] }]',
    }),
  ];
}

function once(findings: readonly RuleFinding[]): Iterable<RuleFinding> {
  return new Map(findings.map((f) => [`${f.code} ${f.file}:${f.line}:${f.column} ${f.message}`, f])).values();
}

/** With its line and a caret, as our own diagnostics are. */
export function printFinding(finding: RuleFinding, texts: ForeignTexts, paint: Paint): string {
  const source = [...texts.rules, texts.alertmanager, texts.prometheus, texts.executor].find((t) => t?.shown === finding.file);
  const frame: Frame = frameOf(source?.text ?? '', finding.file);
  return printDiagnostic(finding, frame, paint);
}
