/**
 * node machine.ts: the web emulator as a machine of the reaction bench. PORT, BOOT_MS, KIND and RECORDS come from the environment. Writes
 * RECORDS/KIND-PID.json as it goes: when the process began, when it listened, when it had answered its first request (Unix ms).
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startWeb } from '../../src/emulators/web/web.ts';

export interface MachineRecord {
  readonly kind: string;
  readonly pid: number;
  readonly port: number;
  readonly startedMs: number;
  readonly listeningMs: number;
  readonly firstRequestMs: number | null;
}

const { PORT = '0', BOOT_MS = '0', KIND = '', RECORDS = '.' } = process.env;
const record = { kind: KIND, pid: process.pid, port: Number(PORT), startedMs: performance.timeOrigin, listeningMs: 0, firstRequestMs: null as number | null };
const write = (): void => writeFileSync(join(RECORDS, `${KIND}-${process.pid}.json`), JSON.stringify(record));

const web = await startWeb({ host: '127.0.0.1', port: record.port, bootMs: Number(BOOT_MS), workMs: 1, name: `${KIND}-${process.pid}` });
record.listeningMs = Date.now();
write();
const look = setInterval(() => {
  if ((web.served.get(200) ?? 0) === 0) return;
  clearInterval(look);
  record.firstRequestMs = Date.now();
  write();
}, 5);
process.once('SIGTERM', () => void web.close(1_000).then(() => process.exit(0)));
