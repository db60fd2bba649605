import fc from 'fast-check';
import { expect, it } from 'vitest';
import { everything, storeCommands } from '../../../../test/support/store-commands.ts';
import { storeSecrets } from '../../../../test/support/store-secrets.ts';
import { databaseFiles } from '../../../platform/database-files.ts';
import { silentLog } from '../../../ports/log.ts';
import type { EventRow } from '../../../ports/store.ts';
import { START_MS } from '../../../testing/store-bench.ts';
import { sampleSpec, setClock } from '../../../testing/store-samples.ts';
import { openMemoryStore } from '../memory/memory.ts';
import { openSqliteStore } from './sqlite.ts';

it('does what the store in memory does, whatever is asked', async () => {
  await fc.assert(
    fc.asyncProperty(storeCommands, async (commands) => {
      const clock = setClock(START_MS);
      const installId = 'install-1';
      const model = openMemoryStore({ clock, secrets: storeSecrets, installId });
      const real = await openSqliteStore({ path: ':memory:', clock, secrets: storeSecrets, log: silentLog, files: databaseFiles, installId });
      const heardOfModel: EventRow[] = [];
      const heardOfReal: EventRow[] = [];
      model.onEvents((events) => heardOfModel.push(...events));
      real.onEvents((events) => heardOfReal.push(...events));
      for (const store of [model, real]) {
        await store.control([{ kind: 'put-spec', spec: sampleSpec('web', { hash: 'first' }) }], []);
        await store.acquire('web', 'a', 1000);
      }
      try {
        await fc.asyncModelRun(() => ({ model: { model, real, clock }, real: { model, real, clock } }), commands);
        const told = await everything(real);
        expect(told).toEqual(await everything(model));
        expect(told).toMatchObject({ chain: { firstBad: null } });
        expect(heardOfReal).toEqual(heardOfModel);
        expect(heardOfReal.map((e) => e.seq)).toEqual(heardOfReal.map((_, i) => i + 1));
      } finally {
        await real.close();
      }
    }),
    { numRuns: 150 },
  );
}, 120_000);
