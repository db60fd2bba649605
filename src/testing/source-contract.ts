import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MISSING_REASONS, type Reading } from '../core/model/reading.ts';
import type { Source } from '../ports/source.ts';

/** What the world behind the source looks like. */
export type SourceWorld =
  /** One value now. */
  | { readonly kind: 'value'; readonly value: number }
  /** The other side works and has nothing under this name. */
  | { readonly kind: 'empty' }
  /** The value is there and is not a number. Needs `can.nan`. */
  | { readonly kind: 'nan' }
  /** Two values where one is needed. Needs `can.several`. */
  | { readonly kind: 'several' }
  /** Answers with something else than its protocol (a login page, another service). */
  | { readonly kind: 'garbage' }
  /** Answers with half of what it should. */
  | { readonly kind: 'cut-off' }
  /** Answers with an error of its own. */
  | { readonly kind: 'failing' }
  /** Answers without end, or with far too much. */
  | { readonly kind: 'huge' }
  /** Takes the question and never answers. */
  | { readonly kind: 'hanging' }
  /** Nothing is there any more. */
  | { readonly kind: 'down' };

export interface SourceBench<Query> {
  /** Opened with a time limit of at most 2 s, so that `hanging` ends soon. */
  readonly source: Source<Query>;
  /** Makes the world so, and returns the query that reads it. */
  arrange(world: SourceWorld): Query | Promise<Query>;
  /** The clock the source was opened with. */
  nowMs(): number;
  /** Texts that were given as secrets: they must appear nowhere. */
  readonly secrets: readonly string[];
  close(): Promise<void>;
}

/** What the source can meet at all; what is false is not tested. */
export interface SourceContractAbilities {
  readonly nan: boolean;
  readonly several: boolean;
  /** As in the manifest: has readRange. */
  readonly range: boolean;
  /** False: everything it reads is a count or a time, so that a value below zero can only be garbage. Default true. */
  readonly negative?: boolean;
}

/** Every source passes this, against a server of its kind or the real thing. */
export function sourceContract<Query>(title: string, setup: () => Promise<SourceBench<Query>>, can: SourceContractAbilities): void {
  describe(`source contract: ${title}`, () => {
    let bench: SourceBench<Query>;
    const never = new AbortController().signal;
    const readIn = async (world: SourceWorld): Promise<Reading> => bench.source.read(await bench.arrange(world), never);
    beforeAll(async () => {
      bench = await setup();
    });
    afterAll(async () => {
      await bench?.close();
    });

    const negative = can.negative ?? true;
    it.each([0, 1, 42.5, 1e12, ...(negative ? [-3] : [])])('reads the value %d', async (value) => {
      const beforeMs = bench.nowMs();
      const reading = await readIn({ kind: 'value', value });
      expect(reading).toMatchObject({ kind: 'value', value });
      if (reading.kind !== 'value') return;
      expect(reading.ageMs === null || reading.ageMs >= 0).toBe(true);
      expect(reading.coverage).toBeGreaterThanOrEqual(0);
      expect(reading.coverage).toBeLessThanOrEqual(1);
      expect(reading.atMs).toBeGreaterThanOrEqual(beforeMs - (reading.ageMs ?? 0) - 1000);
      expect(reading.atMs).toBeLessThanOrEqual(bench.nowMs());
    });

    it.skipIf(negative)('never takes a number below zero for a value', async () => {
      expect(await readIn({ kind: 'value', value: -3 })).toMatchObject({ kind: 'missing' });
    });

    it('says empty or absent when there is nothing, never zero', async () => {
      const reading = await readIn({ kind: 'empty' });
      expectMissing(reading, bench);
      expect(['empty', 'absent']).toContain(reading.kind === 'missing' && reading.reason);
    });

    it.runIf(can.nan)('says nan for what is not a number', async () => {
      expect(await readIn({ kind: 'nan' })).toMatchObject({ kind: 'missing', reason: 'nan' });
    });

    it.runIf(can.several)('says multiple-series rather than choosing one', async () => {
      expect(await readIn({ kind: 'several' })).toMatchObject({ kind: 'missing', reason: 'multiple-series' });
    });

    it.each(['garbage', 'cut-off', 'failing', 'huge', 'hanging', 'down'] as const)(
      'says source-error when the other side is %s, within its time',
      async (kind) => {
        const reading = await readIn({ kind });
        expectMissing(reading, bench);
        expect(reading).toMatchObject({ kind: 'missing', reason: 'source-error' });
      },
    );

    it('ends at once, without throwing, when the caller gives up', async () => {
      const query = await bench.arrange({ kind: 'hanging' });
      const abort = new AbortController();
      const reading = bench.source.read(query, abort.signal);
      abort.abort(new Error('the caller gave up'));
      expectMissing(await reading, bench);
      expectMissing(await bench.source.read(query, abort.signal), bench);
    });

    it('reads again after trouble', async () => {
      await readIn({ kind: 'failing' });
      expect(await readIn({ kind: 'value', value: 7 })).toMatchObject({ kind: 'value', value: 7 });
    });

    it('has readRange exactly when it says so', () => {
      expect(bench.source.readRange !== undefined).toBe(can.range);
    });

    describe.runIf(can.range)('readRange', () => {
      it('gives one reading a step, oldest first, on the grid asked for', async () => {
        const query = await bench.arrange({ kind: 'value', value: 5 });
        const toMs = Math.floor(bench.nowMs() / 1000) * 1000;
        const readings = (await bench.source.readRange?.(query, { fromMs: toMs - 60_000, toMs, stepMs: 15_000 }, never)) ?? [];
        expect(readings.map((r) => r.atMs)).toEqual([60_000, 45_000, 30_000, 15_000, 0].map((back) => toMs - back));
        expect(readings.some((r) => r.kind === 'value' && r.value === 5)).toBe(true);
      });

      it.each(['empty', 'failing', 'hanging', 'down'] as const)('says missing at every step when the other side is %s', async (kind) => {
        const query = await bench.arrange({ kind });
        const toMs = Math.floor(bench.nowMs() / 1000) * 1000;
        const readings = (await bench.source.readRange?.(query, { fromMs: toMs - 30_000, toMs, stepMs: 15_000 }, never)) ?? [];
        expect(readings).toHaveLength(3);
        for (const reading of readings) expectMissing(reading, bench);
      });
    });
  });
}

function expectMissing(reading: Reading, bench: { readonly secrets: readonly string[] }): void {
  expect(reading.kind).toBe('missing');
  if (reading.kind !== 'missing') return;
  expect(MISSING_REASONS).toContain(reading.reason);
  expect(reading.detail.length).toBeGreaterThan(5);
  expect(reading.detail.length).toBeLessThan(1000);
  for (const secret of bench.secrets) expect(reading.detail).not.toContain(secret);
}
