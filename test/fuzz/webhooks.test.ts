/** Whatever is delivered to a receiver: understood or refused, never a failure; the same again changes nothing; what is kept is bounded by what was sent. */
import { expect, it } from 'vitest';
import type { AlertRow } from '../../src/ports/ports.ts';
import { booksOf, type ControllerWorld, openControllerWorld, SECRET, sameBooks } from './support/controller-world.ts';
import { type Delivery, drawDelivery } from './support/deliveries.ts';
import { fuzz, INPUTS } from './support/fuzz.ts';
import { mismatch } from './support/json-schema.ts';
import { smallerTexts } from './support/mutate-text.ts';
import { OPERATIONS, resolveRef } from './support/requests.ts';

const MAX_ALERTS = 1000;
const hook = OPERATIONS.find((o) => o.operationId === 'hook');
let world: ControllerWorld | null = null;
const counts = { fired: 0, refreshed: 0, resolved: 0, ignored: 0, duplicate: 0, refused: 0 };

function need(holds: boolean, what: string): void {
  if (!holds) throw new Error(what);
}

interface Received {
  readonly duplicate: boolean;
  readonly fired: number;
  readonly refreshed: number;
  readonly resolved: number;
  readonly ignored: number;
  readonly truncated: number;
}

async function deliver(at: ControllerWorld, { receiver, authorization, headers, body, broken }: Delivery) {
  const credential =
    authorization === 'zz-admin' ? `Bearer ${at.token.admin}` : authorization === 'zz-receiver' ? `Bearer ${at.token.receiver}` : authorization;
  const bytes = Buffer.from(body);
  const payload = broken ? Buffer.concat([bytes, Buffer.from([0xe2, 0x82])]) : bytes;
  return at.api.app.inject({
    method: 'POST',
    url: `/hooks/${receiver}`,
    headers: credential === null ? headers : { ...headers, authorization: credential },
    payload,
  });
}

const sizeOf = (row: AlertRow): number => JSON.stringify(row).length;

function checkRows(rows: readonly AlertRow[], delivery: Delivery): void {
  for (const row of rows) {
    need(Number.isFinite(row.startsAtMs) && row.startsAtMs > 0 && Number.isFinite(row.lastHeardMs), `a time of ${row.episode} is no time`);
    need((row.resolvedAtMs === null) === (row.status === 'firing'), `${row.episode} is ${row.status}, resolved at ${row.resolvedAtMs}`);
    need(row.episode.length <= 1000 && row.name.length <= 256, `${row.episode.slice(0, 80)} has an endless name`);
    for (const [name, text] of Object.entries(row.labels)) need(typeof text === 'string' && name !== '__proto__', `the label ${name} is ${typeof text}`);
    need(sizeOf(row) <= 2 * delivery.body.length + 2000, `${sizeOf(row)} characters are kept of a message of ${delivery.body.length}`);
  }
}

/** The second time nothing is new: not by its id, and not by what it says. */
async function checkAgain(at: ControllerWorld, delivery: Delivery, first: Received): Promise<void> {
  const rows = at.data.alerts.size;
  const states = [...at.data.alerts.values()].map((row) => row.status).join();
  const again = (await deliver(at, delivery)).json<Received>();
  const hasId = Object.keys(delivery.headers).some((name) => name === 'webhook-id' || name === 'idempotency-key');
  if (hasId && first.fired + first.resolved + first.refreshed + first.ignored > 0 && again.duplicate)
    need(again.fired + again.resolved + again.refreshed + again.ignored === 0, 'a duplicate has an effect');
  need(again.fired === 0 || first.resolved > 0, `told twice, ${again.fired} alerts fired twice`);
  if (first.resolved + again.resolved === 0)
    need(at.data.alerts.size === rows && [...at.data.alerts.values()].map((row) => row.status).join() === states, 'told twice, the alerts changed twice');
}

async function checkDelivery(delivery: Delivery): Promise<void> {
  const at = world;
  if (at === null) throw new Error('no world');
  const before = booksOf(at.data);
  const known = new Set(at.data.alerts.values());
  const [size, lastSeq] = [at.data.alerts.size, at.data.head.seq];
  const { statusCode, headers, body } = await deliver(at, delivery);
  need(statusCode < 500, `${statusCode}: ${body}`);
  need(statusCode === 405 || statusCode === 414 || hook?.responses[statusCode] !== undefined, `${statusCode} is not in the document: ${body}`);
  need(headers['x-content-type-options'] === 'nosniff', 'a security header is missing');
  need(!body.includes(SECRET), 'the secret comes back');
  if (statusCode >= 400) {
    counts.refused++;
    const wrong = mismatch(JSON.parse(body), resolveRef('#/components/schemas/Problem'), resolveRef);
    need(wrong === null, `the problem document: ${wrong}`);
    need(sameBooks(before, booksOf(at.data)), `${statusCode}, and the books changed`);
    const told = at.data.events.filter((e) => e.seq > lastSeq).map((e) => e.type);
    need(
      told.every((type) => type === 'delivery.rejected' || type === 'access.denied'),
      `${statusCode}, and ${told.join()} was written`,
    );
    return;
  }
  const received = JSON.parse(body) as Received;
  const wrong = mismatch(received, resolveRef('#/components/schemas/Received'), resolveRef);
  need(wrong === null, `the reply: ${wrong}`);
  const { fired, refreshed, resolved, ignored, duplicate } = received;
  const told = fired + refreshed + resolved + ignored;
  need(told <= MAX_ALERTS && received.truncated >= 0, `${told} alerts of one message`);
  need(at.data.alerts.size - size <= told, `${at.data.alerts.size - size} rows for ${told} alerts`);
  if (duplicate || told === 0) need(sameBooks(before, booksOf(at.data)) || told > 0 || statusCode === 202, 'without an alert the books changed');
  for (const key of ['fired', 'refreshed', 'resolved', 'ignored'] as const) counts[key] += received[key];
  if (duplicate) counts.duplicate++;
  checkRows(
    [...at.data.alerts.values()].filter((row) => !known.has(row)),
    delivery,
  );
  if (delivery.body.length % 7 === 0) await checkAgain(at, delivery, received);
}

it('whatever is delivered to a receiver is understood or refused, once, and bounded', async () => {
  await fuzz<Delivery>({
    name: 'webhooks',
    make: drawDelivery,
    check: checkDelivery,
    show: (delivery) => JSON.stringify(delivery),
    shrink: function* (delivery) {
      for (const body of smallerTexts(delivery.body)) yield { ...delivery, body };
    },
    world: {
      every: 500,
      begin: async () => {
        await world?.close();
        world = await openControllerWorld();
      },
    },
    between: async (index) => {
      if (index % 100 === 0) await world?.sim.seconds(3);
    },
  });
  await world?.close();
  if (process.env['FUZZ_AT'] === undefined) for (const [what, count] of Object.entries(counts)) expect(count, what).toBeGreaterThan(INPUTS / 2000);
});
