/** The real world for driver tests, in a directory of the test's own. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { realClock, realRandom } from '../../src/platform/clock.ts';
import { realFiles } from '../../src/platform/files.ts';
import { createHttp } from '../../src/platform/http.ts';
import { realProcesses } from '../../src/platform/processes.ts';
import { createSecrets } from '../../src/platform/secrets.ts';
import { realSockets } from '../../src/platform/sockets.ts';
import { type DriverPorts, silentLog } from '../../src/ports/ports.ts';

const dirs: string[] = [];
process.once('exit', () => {
  for (const dir of dirs) rmSync(dir, { recursive: true, force: true });
});

export function realPorts(over: Partial<DriverPorts> = {}): DriverPorts {
  const dir = mkdtempSync(join(tmpdir(), 'drover-test-'));
  dirs.push(dir);
  return {
    clock: realClock,
    random: realRandom,
    http: createHttp(),
    sockets: realSockets,
    processes: realProcesses,
    files: realFiles,
    secrets: createSecrets(dir),
    log: silentLog,
    baseDir: dir,
    stateDir: dir,
    installId: 'test-install',
    ...over,
  };
}
