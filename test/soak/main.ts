/**
 * `npm run soak [-- OPTIONS]`: what grows with time? A simulated year of one controller, then ten real minutes of one with 1,000 groups.
 *   --year-only, --minutes-only   one of the two
 *   --days N                      shorten the year (at least 60: the first five weeks do not count)
 *   --minutes N                   shorten the minutes (at least 4: the first two do not count)
 * Exit code 1 when something grows that must not, 64 for options that are none.
 */
import { loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import { asText, type Row } from './figures.ts';
import { soakMinutes } from './minutes.ts';
import { minutesRows } from './minutes-rows.ts';
import { soakYear, yearRows } from './year.ts';

const say = (text: string): void => void process.stderr.write(`drover: ${text}\n`);

function options() {
  try {
    const { values } = parseArgs({
      options: { 'year-only': { type: 'boolean' }, 'minutes-only': { type: 'boolean' }, days: { type: 'string' }, minutes: { type: 'string' } },
    });
    return values;
  } catch (e) {
    say(e instanceof Error ? e.message : String(e));
    return process.exit(64);
  }
}

function count(text: string | undefined, name: string, least: number, otherwise: number): number {
  const n = text === undefined ? otherwise : Number(text);
  if (Number.isSafeInteger(n) && n >= least) return n;
  say(`--${name} is a whole number from ${least}, not ${text}`);
  return process.exit(64);
}

const values = options();
const days = count(values.days, 'days', 60, 365);
const minutes = count(values.minutes, 'minutes', 4, 10);

async function part(title: string, measure: () => Promise<readonly Row[]>): Promise<void> {
  const startMs = performance.now();
  const rows = await measure();
  process.stdout.write(
    `${asText(title, rows)}   took ${((performance.now() - startMs) / 60_000).toFixed(1)} min, load average ${loadavg()[0]?.toFixed(1)}\n\n`,
  );
  if (rows.some((row) => !row.ok)) process.exitCode = 1;
}

if (!values['minutes-only']) {
  await part(`${days} simulated days: 3 groups, an evaluation a minute, everyday faults, one controller that never restarts`, async () =>
    yearRows(await soakYear(days, say)),
  );
}
if (!values['year-only']) {
  await part(`${minutes} real minutes: 1,000 groups, an evaluation each 10 s, 50 requests/s, after 2 minutes`, async () =>
    minutesRows(await soakMinutes(minutes, say)),
  );
}
if (process.exitCode === 1) say('something is not as it must be');
