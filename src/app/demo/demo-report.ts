import { writeFileSync } from 'node:fs';
import type { DemoSummary } from './demo-count.ts';

const inHtml = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

/** One self-contained HTML file: the summary and the lines as they came. */
export function writeReport(file: string, summary: DemoSummary, lines: readonly { t: number; text: string }[]): void {
  const rows = lines.map((l) => `<tr><td>${l.t.toFixed(1)} s</td><td>${inHtml(l.text)}</td></tr>`).join('\n');
  const facts = Object.entries(summary)
    .map(([key, value]) => `<tr><th scope="row">${inHtml(key.replaceAll('_', ' '))}</th><td>${value ?? 'none'}</td></tr>`)
    .join('\n');
  writeFileSync(
    file,
    `<!doctype html><html lang="en"><meta charset="utf-8"><title>drover demo</title>
<style>body{font:14px/20px system-ui,sans-serif;background:#F7F5F0;color:#16181B;max-width:60rem;margin:2rem auto;padding:0 1rem}table{border-collapse:collapse;margin:1rem 0}td,th{border-top:1px solid #D9D4C7;padding:4px 12px 4px 0;text-align:left;font-variant-numeric:tabular-nums}</style>
<h1>drover demo: ${summary.requests} requests, ${summary.failed} failed</h1>
<table>${facts}</table>
<h2>What happened</h2>
<table>${rows}</table></html>
`,
  );
}
