import { describe, expect, it } from 'vitest';
import { diagnosticsOf, fileAround } from '../../test/typo/manifests.ts';
import { lspOf, printDiagnostics, tally } from './print.ts';

const FOUR = `version: 1
groups:
  web:
    cloud: local
    template: { command: [./web] }
    min: 4
    max: 3
    metrics: { rps: { from: prometheus, query: up } }
    policies:
      - type: target
        targt: 60%
        metric: rps
      - { type: schedule, cron: "0 8 * * *", for: 1h, min: 2,
          timezone: Europe/Berln }
    limits:
      scale_in:
        after_quiet: 5
`.replace('from: prometheus', 'from: prom');
const TEXT = `${FOUR}sources:\n  prom: { type: prometheus, url: 'http://a' }\n`;

describe('the print of diagnostics', () => {
  it('shows every mistake with its lines, carets, cause, fix, and what became of the file', () => {
    expect(printDiagnostics(diagnosticsOf(TEXT), TEXT)).toBe(`error[E0104]: group \`web\` can never be satisfied: \`min\` is larger than \`max\`
  --> drover.yaml:6:10
  |
6 |     min: 4
  |          ^ min is 4 …
7 |     max: 3
  |          - … but max is only 3
  |
  = help: swap them, or set \`max\` to at least 4
  = docs: drover explain E0104

error[E0012]: unknown field \`targt\` in a \`target\` policy
  --> drover.yaml:11:9
   |
11 |         targt: 60%
   |         ^^^^^ did you mean \`target\`?
   |
   = help: fields of a \`target\` policy: per_instance, target, tolerance, name, advisory, metric, type
   = docs: drover explain E0012

error[E0031]: \`Europe/Berln\` is not a known time zone
  --> drover.yaml:14:21
   |
14 |           timezone: Europe/Berln }
   |                     ^^^^^^^^^^^^ did you mean \`Europe/Berlin\`?
   |
   = help: write a name such as \`Europe/Berlin\`, \`America/New_York\` or \`UTC\`
   = docs: drover explain E0031

error[E0021]: a duration needs a unit
  --> drover.yaml:17:22
   |
17 |         after_quiet: 5
   |                      ^ 5 what? seconds or minutes
   |
   = help: write \`5m\` for 5 minutes or \`5s\` for 5 seconds
   = docs: drover explain E0021

4 errors in drover.yaml. Nothing was applied.`);
  });

  it('leaves a gap between lines that are apart', () => {
    const text = fileAround('max: 3\nmin: 1\npolicies:\n  - { type: schedule, cron: "0 8 * * *", for: 1h, min: 6 }');
    const printed = printDiagnostics(diagnosticsOf(text), text);
    expect(printed).toContain('\n...\n');
    expect(printed.indexOf('… but max is 3')).toBeLessThan(printed.indexOf('^ at least 6 …'));
  });

  it('cuts long lines around the caret and lets nothing through that could steer a terminal', () => {
    const text = `version: 1\ngroups: { web: { cloud: local, template: { command: ["${'x'.repeat(2000)}"] }, max: 3, "mi\u001b[31mn": 1 } }\n`;
    const printed = printDiagnostics(diagnosticsOf(text), text);
    expect(Math.max(...printed.split('\n').map((l) => l.length))).toBeLessThan(320);
    expect(printed).not.toContain('\u001b');
  });

  it('colours only through the painter, and counts', () => {
    const found = diagnosticsOf(TEXT);
    const painted = printDiagnostics(found, TEXT, (kind, text) => `<${kind}>${text}</>`);
    expect(painted).toContain('<error>error[E0104]</>');
    expect(tally([])).toBe('the configuration is valid.');
    expect(tally(found.map((d) => ({ ...d, severity: 'warning' as const })))).toBe('4 warnings in drover.yaml. It is valid.');
  });

  it('gives editors ranges from 0 and the other half of a contradiction', () => {
    const [first] = diagnosticsOf(TEXT);
    if (first === undefined) throw new Error('nothing was found');
    expect(lspOf(first)).toMatchObject({
      range: { start: { line: 5, character: 9 }, end: { line: 5, character: 10 } },
      severity: 1,
      code: 'E0104',
      relatedInformation: [{ location: { range: { start: { line: 6, character: 9 } } } }],
    });
  });
});
