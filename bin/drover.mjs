#!/usr/bin/env node
// No static imports: on a Node too old for the program this has to say so in one line, not fail in the middle of loading it.
const needs = [24, 15];
const has = process.versions.node.split('.').map(Number);
if (has[0] < needs[0] || (has[0] === needs[0] && has[1] < needs[1])) {
  process.stderr.write(`drover: needs Node ${needs.join('.')} or newer; this is Node ${process.versions.node} at ${process.execPath}\n`);
  process.exitCode = 1;
} else {
  const { existsSync } = await import('node:fs');
  // A package holds the built program only. In a clone the sources run as they are, whatever an earlier build left behind.
  const source = new URL('../src/cli/main.ts', import.meta.url);
  await import(existsSync(source) ? source.href : new URL('../dist/cli/main.js', import.meta.url).href);
}
