import { durationMs } from '../../../kit/duration-text.ts';
import type { CloudAbilities, CloudManifest } from '../../../ports/cloud.ts';
import { ExecCloud } from './exec.ts';
import { type ExecOptions, execOptions, execTemplate } from './options.ts';

/** Starting and killing the command, beside its own limit. */
const MARGIN_MS = 2000;

const can: CloudAbilities = {
  idempotency: 'none',
  consistencyMs: 10_000,
  callLimitMs: 60_000 + MARGIN_MS,
  concurrency: 4,
  zones: false,
  // A price may come back with a machine, but none is promised.
  prices: false,
  cpu: false,
  listsForeign: true,
};

export const manifest: CloudManifest<typeof execOptions, typeof execTemplate> = {
  kind: 'cloud',
  id: 'exec',
  title: 'Your own commands',
  summary: 'Three commands of your own, speaking JSON, that list, create and delete machines: for any cloud that has a command line or an API.',
  options: execOptions,
  template: execTemplate,
  can,
  abilities: (options: ExecOptions) => ({
    ...can,
    idempotency: options.idempotent,
    consistencyMs: durationMs(options.consistency),
    callLimitMs: durationMs(options.timeout) + MARGIN_MS,
    concurrency: options.concurrency,
    zones: options.zones,
  }),
  open: async (options, ports) => new ExecCloud(options, ports),
};
