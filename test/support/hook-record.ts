/** What a shell command in a hook's place was given: it appends its environment to a file, which is read here. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Received } from '../../src/testing/hook-contract.ts';

/** Appends the DROVER_* environment as it is to `seen`, one run after the other, ended by `--`. */
export const RECORD_ENVIRONMENT = 'env -0 | grep -z "^DROVER_" >>seen; printf "%s\\0" -- >>seen';

/** The runs recorded in `dir` so far. */
export function recordedRuns(dir: string): Received[] {
  const file = join(dir, 'seen');
  const runs = existsSync(file) ? readFileSync(file, 'utf8').split('--\0').slice(0, -1) : [];
  return runs.map((run) => {
    const env = Object.fromEntries(run.split('\0').map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]));
    return {
      group: env['DROVER_GROUP'],
      instance: env['DROVER_INSTANCE'],
      machineId: env['DROVER_MACHINE_ID'],
      address: env['DROVER_ADDRESS'],
      port: env['DROVER_PORT'],
      zone: env['DROVER_ZONE'],
      step: env['DROVER_STEP'],
      token: env['DROVER_TOKEN'],
    };
  });
}
