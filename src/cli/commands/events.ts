import { ApiError, streamEvents } from '../../api/client.ts';
import type { Reply } from '../../api/contract.ts';
import { DriverError, nearest } from '../../app/cli-parts.ts';
import { usageError } from '../cli-error.ts';
import { explainFailure } from '../connect.ts';
import type { Context, Run } from '../context.ts';
import { EVENT_TYPES } from '../event-types.ts';
import { EXIT } from '../exit-codes.ts';
import { findServer } from '../find-server.ts';
import { createStreamFetch } from '../stream-fetch.ts';
import { safeDeep } from '../text.ts';

type Event = Reply<'events'>['events'][number];

/** The controller sends a sign of life more often than this. */
const SILENCE_MS = 60_000;
const AGAIN_MS = 1_000;

export const events: Run = async (ctx, input) => {
  const group = input.arg(0);
  const type = input.text('type');
  if (type !== null) checkType(type);
  const client = await ctx.client();
  if (group !== null) await client.group({ group });
  const filter = { ...(group === null ? {} : { group }), ...(type === null ? {} : { type }) };
  const page = await client.events({ ...filter, limit: input.count('limit', 1, 1000) ?? 50 });
  const old = [...page.events].reverse();
  if (!input.flag('follow')) {
    if (ctx.globals.json) ctx.document({ ...page, events: old });
    else for (const e of old) print(ctx, e);
    return EXIT.ok;
  }
  for (const e of old) print(ctx, e);
  return follow(ctx, filter, old.at(-1)?.seq ?? null);
};

function checkType(type: string): void {
  if (EVENT_TYPES.includes(type)) return;
  // `control` means one of several.
  const below = EVENT_TYPES.filter((t) => t.startsWith(`${type}.`));
  const near = below.length > 0 ? null : nearest(type, EVENT_TYPES);
  throw usageError(
    `--type: there is no type of event \`${type}\``,
    near !== null ? `did you mean \`${near}\`?` : `there are: ${(below.length > 0 ? below : EVENT_TYPES).join(', ')}`,
  );
}

/** Until it is interrupted; a lost connection is taken up where it broke. */
async function follow(ctx: Context, filter: { readonly group?: string; readonly type?: string }, last: number | null): Promise<number> {
  const stop = new AbortController();
  const ends = (['SIGINT', 'SIGTERM'] as const).map((signal) => ctx.io.onSignal(signal, () => stop.abort()));
  const place = await findServer(ctx);
  const fetch = createStreamFetch({ ca: place.ca, silenceMs: SILENCE_MS });
  let seq = last ?? (await newest(ctx));
  try {
    while (!stop.signal.aborted) {
      try {
        const stream = streamEvents({ url: place.url, token: place.token ?? '', fetch, ...filter, afterSeq: seq, signal: stop.signal });
        for await (const item of stream) {
          if (item.kind === 'gap') ctx.note('drover: some events were not sent; `drover events` has them');
          else {
            seq = item.event.seq;
            print(ctx, ctx.globals.json ? item.event : safeDeep(item.event));
          }
        }
      } catch (e) {
        if (stop.signal.aborted) break;
        if (e instanceof ApiError && e.status < 500 && e.status !== 429) throw explainFailure(e, place);
        if (!(e instanceof ApiError) && !(e instanceof DriverError)) throw e;
        ctx.note(`drover: ${e.message}; trying again`);
      }
      await ctx.clock.sleep(AGAIN_MS, stop.signal).catch(() => {});
    }
    return EXIT.interrupted;
  } finally {
    for (const end of ends) end();
  }
}

/** Number of the newest event of all, so that following begins now. */
async function newest(ctx: Context): Promise<number> {
  const { events: found } = await (await ctx.client()).events({ limit: 1 });
  return found[0]?.seq ?? 0;
}

function print(ctx: Context, e: Event): void {
  if (ctx.globals.json) {
    ctx.jsonLine(e);
    return;
  }
  const data = JSON.stringify(e.data);
  if (ctx.globals.plain) {
    ctx.table([], [[String(e.seq), e.at, e.group ?? '', e.type, e.actor, data]]);
    return;
  }
  const subject = e.group ?? '-';
  ctx.line(
    `${ctx.paint('dim', ctx.time(e.at))}  ${subject.padEnd(10)}  ${e.type.padEnd(20)}  ${detail(e)}${e.actor === 'drover' ? '' : `  by ${e.actor}`}`.trimEnd(),
  );
}

/** The sentence where there is one, else the fields. */
function detail(e: Event): string {
  const { sentence } = e.data;
  if (typeof sentence === 'string') return sentence;
  const fields = Object.entries(e.data).filter(([, value]) => value !== null);
  return fields.map(([key, value]) => `${key}=${typeof value === 'string' && /^[^\s"]+$/.test(value) ? value : JSON.stringify(value)}`).join(' ');
}
