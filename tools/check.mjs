/** `npm run check`: what a change has to pass before it is shown to anyone, in some 75 s on two cores. Exit code 1 if anything failed. */
import { PARTS, passSignalsOn, runCommands, runVitest, seconds } from './parts.mjs';

passSignalsOn();
const startMs = performance.now();
const statics = PARTS.filter((part) => part.commands !== undefined);
const results = await Promise.all(
  statics.map(async (part) => {
    const partStartMs = performance.now();
    const result = await runCommands(part, { quiet: true });
    return { part, result, took: seconds(partStartMs) };
  }),
);
for (const { part, result, took } of results) {
  process.stdout.write(`── ${part.name} (${took}): ${result.failed === 0 ? 'ok' : 'FAILED'}\n`);
  if (result.failed > 0) process.stdout.write(`${result.text}\n`);
}
const count = await runVitest(['--project=tidy', '--project=unit', ...process.argv.slice(2)], { limitMs: 10 * 60_000 });
const failed = count.failed + results.filter((each) => each.result.failed > 0).length;
process.stdout.write(`\n${failed === 0 ? 'All is well' : `${failed} failed`} (${seconds(startMs)})\n`);
process.exitCode = failed > 0 ? 1 : 0;
