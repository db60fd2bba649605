import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { DriverError } from '../ports/errors.ts';
import type { Notification, Notifier } from '../ports/notifier.ts';

/** How the receiving side behaves from now on. */
export type ReceivingSide = 'accepts' | 'refuses-credentials' | 'throttles' | 'fails' | 'hangs' | 'down';

export interface NotifierBench {
  /** Opened with a time limit of at most 2 s. */
  readonly notifier: Notifier;
  behave(side: ReceivingSide): void | Promise<void>;
  /** Text of each message accepted so far, as a person at the other end reads it (unescaped, all parts together). */
  messages(): readonly string[];
  clear(): void;
  /** Texts that were given as secrets: no error may hold them. */
  readonly secrets: readonly string[];
  close(): Promise<void>;
}

export interface NotifierContractAbilities {
  /** The receiving side can refuse our credentials. */
  readonly refuses: boolean;
  /** The receiving side can say "too many" with a time to wait. */
  readonly throttles: boolean;
}

export function exampleNotification(over: Partial<Notification> = {}): Notification {
  return {
    event: 'scale_out',
    group: 'web',
    atMs: Date.UTC(2026, 10, 22, 13, 32, 7),
    sentence: 'traffic wanted 6, the step limit allowed 5.',
    lines: ['1064 req/s / 200 = 5.3 → 6', 'step +2 every 2 min'],
    decision: null,
    severity: 'info',
    dedupeKey: 'web:scale_out:5',
    ...over,
  };
}

/** Every notifier passes this, against a server of its kind. */
export function notifierContract(title: string, setup: () => Promise<NotifierBench>, can: NotifierContractAbilities): void {
  describe(`notifier contract: ${title}`, () => {
    let bench: NotifierBench;
    const send = (over: Partial<Notification> = {}, signal = new AbortController().signal) => bench.notifier.send(exampleNotification(over), signal);
    beforeAll(async () => {
      bench = await setup();
    });
    beforeEach(async () => {
      await bench.behave('accepts');
      bench.clear();
    });
    afterAll(async () => {
      await bench?.close();
    });

    it('prints the same sentence and every line, once', async () => {
      await send();
      const [message, ...more] = bench.messages();
      expect(more).toEqual([]);
      for (const text of ['traffic wanted 6, the step limit allowed 5.', '1064 req/s / 200 = 5.3 → 6', 'step +2 every 2 min', 'web'])
        expect(message).toContain(text);
    });

    it.each(['R&D’s <b>load</b> rose > 5 & stayed "there"', 'Größe 3 → 5, 負荷', '*web_a_b* is `short` ~by~ 2', 'a & amp; &lt;tag&gt; stays'])(
      'prints special characters as they are: %s',
      async (sentence) => {
        await send({ sentence, lines: [sentence] });
        expect(bench.messages()[0]).toContain(sentence);
      },
    );

    it('sends without group, lines and decision', async () => {
      await send({ group: null, lines: [], event: 'digest', severity: 'critical' });
      expect(bench.messages()).toHaveLength(1);
    });

    it('sends a very long notification, shortened if it must be', async () => {
      await send({ lines: Array.from({ length: 2000 }, (_, i) => `line ${i} ${'x'.repeat(100)}`) });
      expect(bench.messages()[0]).toContain('the step limit allowed 5.');
    });

    it('cannot be made to write headers or a second message by line breaks', async () => {
      await send({ sentence: 'one\r\nBcc: two@example.org\r\n\r\nthree', event: 'x\r\nX-Evil: 1', group: 'g\nX-Evil: 1', dedupeKey: 'd\r\nX-Evil: 1' });
      expect(bench.messages()).toHaveLength(1);
    });

    async function failure(promise: Promise<void>): Promise<DriverError> {
      const e = await promise.then(
        () => null,
        (error: unknown) => error,
      );
      expect(e).toBeInstanceOf(DriverError);
      for (const secret of bench.secrets) {
        expect((e as DriverError).message).not.toContain(secret);
      }
      return e as DriverError;
    }

    it.runIf(can.refuses)('throws unauthorized when its credentials are refused', async () => {
      await bench.behave('refuses-credentials');
      expect((await failure(send())).code).toBe('unauthorized');
    });

    it.runIf(can.throttles)('throws throttled with the time to wait', async () => {
      await bench.behave('throttles');
      const e = await failure(send());
      expect(e.code).toBe('throttled');
      expect(e.retryAfterMs).toBeGreaterThan(0);
    });

    it('throws when the receiving side fails, hangs or is gone, within its time', async () => {
      await bench.behave('fails');
      expect(['unknown', 'unreachable', 'bad-request']).toContain((await failure(send())).code);
      await bench.behave('hangs');
      expect((await failure(send())).code).toBe('unreachable');
      await bench.behave('down');
      expect((await failure(send())).code).toBe('unreachable');
      await bench.behave('accepts');
      await send();
      expect(bench.messages()).toHaveLength(1);
    });

    it('ends at once when the caller gives up', async () => {
      await bench.behave('hangs');
      const abort = new AbortController();
      const sending = failure(send({}, abort.signal));
      abort.abort(new Error('the caller gave up'));
      expect((await sending).code).toBe('unreachable');
      expect((await failure(send({}, abort.signal))).code).toBe('unreachable');
    });
  });
}
