/** What ten minutes must look like: after the warm-up, as much at the end as at the beginning. */
import { atMost, growthOf, median, type Row, type Sample, told } from './figures.ts';
import type { MinuteSample, MinutesSeen } from './minutes.ts';

const WARM_UP_MS = 120_000;
const MIB = 1_048_576;
/** Growth over the time that counts. */
const MOST = { heap: 0.03, rss: 0.05 };
/** What is open may be so much more at the end than at the beginning. Requests under way count as handles and come and go. */
const OPEN = { fds: 5, handles: 20, threads: 5 };

export function minutesRows(seen: MinutesSeen): readonly Row[] {
  const samples = seen.samples.filter((s) => s.atMs >= WARM_UP_MS);
  const spanMs = (samples.at(-1)?.atMs ?? 0) - (samples[0]?.atMs ?? 0);
  const of = (pick: (s: MinuteSample) => number): Sample[] => samples.map((s) => [s.atMs, pick(s)]);
  const grows = (what: string, pick: (s: MinuteSample) => number, most: number): Row[] => [
    told(what, median(samples.map(pick)) / MIB, 'MiB'),
    atMost(`${what}, growth over ${Math.round(spanMs / 60_000)} min`, 100 * growthOf(of(pick), spanMs), 100 * most, '%', 2),
  ];
  const quarter = Math.max(1, Math.floor(samples.length / 4));
  const open = (what: string, pick: (s: MinuteSample) => number, most: number): Row[] => {
    const [first, last] = [samples.slice(0, quarter), samples.slice(-quarter)].map((part) => median(part.map(pick))) as [number, number];
    return [told(what, last, ''), atMost(`${what}, last quarter against the first`, last - first, most, '')];
  };
  const answered = [...seen.answers.values()].reduce((sum, n) => sum + n, 0);
  const wrong = [...seen.answers].filter(([status]) => status === 0 || status >= 500).reduce((sum, [, n]) => sum + n, 0);
  const newest = samples.at(-1);
  return [
    ...grows('heap after a collection', (s) => s.heap, MOST.heap),
    ...grows('RSS', (s) => s.rss, MOST.rss),
    ...open('open file descriptors', (s) => s.fds, OPEN.fds),
    ...open('active handles and requests', (s) => s.handles, OPEN.handles),
    ...open('threads', (s) => s.threads, OPEN.threads),
    told('timers', newest?.timers ?? 0, ''),
    told('what groups remember beside the store', newest?.remembered ?? 0, ''),
    told('alert episodes in memory', newest?.alerts ?? 0, ''),
    told('database', (newest?.databaseBytes ?? 0) / MIB, 'MiB'),
    { what: 'groups evaluated', value: String(newest?.evaluated ?? 0), must: 'all of them', ok: newest !== undefined && newest.evaluated === newest.runners },
    told('machines made and deleted', seen.creates + seen.deletes, ''),
    told('groups told to be late by 30 s', seen.late, ''),
    told('requests answered', answered, '', 0),
    told('requests per second', answered / ((newest?.atMs ?? 0) / 1_000), '', 0),
    atMost('of them with 5xx or not at all', wrong, 0, ''),
    told('alerts delivered', seen.deliveries, ''),
    told('events streamed', seen.streamedBytes / MIB, 'MiB'),
    ...seen.wrong.map((what): Row => ({ what: 'unexpected answer', value: what, must: null, ok: true })),
    ...seen.said
      .split('\n')
      .filter(Boolean)
      .slice(-3)
      .map((what): Row => ({ what: 'logged', value: what.slice(0, 200), must: null, ok: true })),
  ];
}
