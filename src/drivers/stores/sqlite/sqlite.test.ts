import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { storeSecrets } from '../../../../test/support/store-secrets.ts';
import { databaseFiles } from '../../../platform/database-files.ts';
import type { Clock } from '../../../ports/clock.ts';
import { silentLog } from '../../../ports/log.ts';
import { type StoreUnderTest, storeContract } from '../../../testing/store-contract.ts';
import { openSqliteStore } from './sqlite.ts';

async function open(clock: Clock, dir: string): Promise<StoreUnderTest> {
  const store = await openSqliteStore({ path: join(dir, 'drover.db'), clock, secrets: storeSecrets, log: silentLog, files: databaseFiles });
  return {
    store,
    reopen: async () => {
      await store.close();
      return open(clock, dir);
    },
    dispose: async () => {
      await store.close();
      rmSync(dir, { recursive: true });
    },
  };
}

storeContract('sqlite', (clock) => open(clock, mkdtempSync(join(tmpdir(), 'drover-store-'))));
