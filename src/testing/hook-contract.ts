/** The promises of a hook driver, as tests. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DRIVER_ERROR_CODES, DriverError } from '../ports/errors.ts';
import type { Hook, HookContext } from '../ports/hook.ts';

/** What the other side was told; a field it was not told is undefined. */
export type Received = { readonly [K in Exclude<keyof HookContext, 'alerts'>]?: string | undefined };

export interface HookContractSetup {
  /** A hook that is told every field of the context and succeeds. */
  openSucceeding(): Promise<Hook>;
  /** A hook whose step fails and whose other side answers with `canary` in its complaint. */
  openFailing(): Promise<Hook>;
  /** A hook that never ends by itself. */
  openHanging(): Promise<Hook>;
  /** A hook whose target does not exist. */
  openMissing(): Promise<Hook>;
  /** What runs of the succeeding hook were told so far, oldest first; a null port or zone is ''. */
  received(): Promise<readonly Received[]>;
  /** The other side recognises a repeat by its token: what was done once is not done again. Default: it is done again, with the same token. */
  readonly recognisesRepeats?: boolean;
  /** A secret that the failing hook is configured with; must not show up anywhere. */
  readonly canary: string;
  teardown(): Promise<void>;
}

const FOREVER = new AbortController().signal;
const GIVE_UP_MS = 2000;

export function hookContract(title: string, setup: () => Promise<HookContractSetup>): void {
  describe(`hook contract: ${title}`, () => {
    let world: HookContractSetup;
    beforeAll(async () => {
      world = await setup();
    });
    afterAll(async () => {
      await world?.teardown();
    });

    it('tells the step everything about the instance', async () => {
      const hook = await world.openSucceeding();
      const before = (await world.received()).length;
      await hook.run(context(), FOREVER);
      const told = await world.received();
      expect(told).toHaveLength(before + 1);
      expect(told.at(-1)).toEqual(asText(context()));
    });

    it('runs again with the same token', async () => {
      const hook = await world.openSucceeding();
      const before = (await world.received()).length;
      await hook.run(context({ token: 'contract-token-2' }), FOREVER);
      await hook.run(context({ token: 'contract-token-2' }), FOREVER);
      if (world.recognisesRepeats === true) {
        expect((await world.received()).slice(before).map((each) => each.token)).toEqual(['contract-token-2']);
        return;
      }
      const [first, second] = (await world.received()).slice(-2);
      expect(first?.token).toBe('contract-token-2');
      expect(second?.token).toBe('contract-token-2');
    });

    it('hands values over as they are, whatever they hold', async () => {
      const hook = await world.openSucceeding();
      const odd = context({ token: 'contract-token-3', instance: 'a b;c$(id)`x`"\'&d=?#%2F{{group}}é', zone: null, port: null });
      await hook.run(odd, FOREVER);
      expect((await world.received()).at(-1)).toEqual(asText(odd));
    });

    it('throws a closed error when the step fails, without secrets', async () => {
      const hook = await world.openFailing();
      const e = await failure(hook.run(context(), FOREVER));
      expect(DRIVER_ERROR_CODES).toContain(e.code);
      expect(e.message).not.toBe('');
      expect(`${e.message} ${e.stack} ${String(e.cause)}`).not.toContain(world.canary);
    });

    it('throws a closed error when there is nothing to run', async () => {
      const e = await failure((await world.openMissing()).run(context(), FOREVER));
      expect(DRIVER_ERROR_CODES).toContain(e.code);
    });

    it('ends when it is aborted', async () => {
      const hook = await world.openHanging();
      let settled: unknown = 'still under way';
      void failure(hook.run(context({ token: 'contract-token-4' }), AbortSignal.timeout(100))).then((e) => {
        settled = e.code;
      });
      await expect.poll(() => settled, { timeout: GIVE_UP_MS, interval: 20 }).toBe('unreachable');
    });

    it('does not begin once it is aborted', async () => {
      const before = (await world.received()).length;
      const e = await failure((await world.openSucceeding()).run(context(), AbortSignal.abort()));
      expect(e.code).toBe('unreachable');
      expect(await world.received()).toHaveLength(before);
    });
  });
}

type Plain = Omit<HookContext, 'alerts'>;

function context(over: Partial<Plain> = {}): Plain {
  return {
    group: 'web',
    instance: 'web-7',
    machineId: 'm-123',
    address: '127.0.0.9',
    port: 8080,
    zone: 'fsn1',
    step: 'before_attach',
    token: 'contract-token-1',
    ...over,
  };
}

function asText(c: Plain): Received {
  return { ...c, port: c.port === null ? '' : String(c.port), zone: c.zone ?? '' };
}

async function failure(run: Promise<void>): Promise<DriverError> {
  const e = await run.then(
    () => new Error('the hook succeeded'),
    (thrown: unknown) => thrown,
  );
  expect(e).toBeInstanceOf(DriverError);
  return e as DriverError;
}
