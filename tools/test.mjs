/**
 * `npm test [-- NAME…]`. A NAME that is a part (format, lint, types, tidy, tools, unit, security, fuzz, sim, kill, real, docs, pack, linode, e2e) selects it;
 * anything else goes to vitest as a file filter or flag. The last line of stdout is `N passed, N failed, N skipped`; the exit code is 1 if anything failed.
 */
import { bringComponents } from './components.mjs';
import { PARTS, passSignalsOn, runCommands, runTests, seconds } from './parts.mjs';

const say = (text) => process.stderr.write(`drover: ${text}\n`);

function choose(words) {
  const names = new Set(PARTS.map((part) => part.name));
  const forVitest = words.filter((word) => !names.has(word));
  const named = PARTS.filter((part) => words.includes(part.name));
  if (named.length > 0) return { parts: named, forVitest };
  if (forVitest.length > 0) return { parts: [{ name: 'selected', says: forVitest.join(' '), limitMs: 60 * 60_000 }], forVitest };
  return { parts: PARTS, forVitest };
}

passSignalsOn();
const { parts, forVitest } = choose(process.argv.slice(2));
if (parts.some((part) => part.components)) bringComponents(say);

const total = { passed: 0, failed: 0, skipped: 0 };
const lines = [];
const skipped = [];
for (const part of parts) {
  process.stdout.write(`\n── ${part.name}: ${part.says}\n`);
  const startMs = performance.now();
  const count = part.commands === undefined ? await runTests(part, forVitest) : await runCommands(part);
  for (const key of Object.keys(total)) total[key] += count[key];
  for (const suite of count.skippedSuites) skipped.push(`   ${part.name}: ${suite}`);
  lines.push(
    `   ${part.name.padEnd(8)} ${count.failed > 0 ? 'FAILED' : 'ok    '} ${seconds(startMs).padStart(8)}   ${count.passed} passed, ${count.failed} failed, ${count.skipped} skipped`,
  );
}
process.stdout.write(`\n── parts\n${lines.join('\n')}\n`);
if (skipped.length > 0) process.stdout.write(`\n── skipped suites, with what they lack\n${skipped.join('\n')}\n`);
if (total.passed + total.failed === 0) {
  process.stdout.write('\nNothing ran: no test matches.\n');
  total.failed = 1;
}
process.stdout.write(`\n${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped\n`);
process.exitCode = total.failed > 0 ? 1 : 0;
