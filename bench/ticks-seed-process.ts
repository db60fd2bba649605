/** node ticks-seed-process.ts FILE GROUPS: writes a store as a controller with that many groups would have left it. Prints one JSON line. */
import { openSqliteStore } from '../src/drivers/stores/sqlite/driver.ts';
import { realClock } from '../src/platform/clock.ts';
import { databaseFiles } from '../src/platform/database-files.ts';
import { createSecrets } from '../src/platform/secrets.ts';
import { silentLog } from '../src/ports/ports.ts';
import { seedGroups } from './seed-groups.ts';

const [path = '', groups = '0'] = process.argv.slice(2);
const store = await openSqliteStore({ path, clock: realClock, secrets: createSecrets('.'), log: silentLog, files: databaseFiles });
await seedGroups(store, Number(groups), realClock.wall());
await store.close();
process.stdout.write(`${JSON.stringify({ groups: Number(groups) })}\n`);
