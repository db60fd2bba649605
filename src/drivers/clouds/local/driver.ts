import { durationMs } from '../../../kit/duration-text.ts';
import type { CloudAbilities, CloudManifest } from '../../../ports/cloud.ts';
import { LocalCloud } from './local.ts';
import { type LocalOptions, localOptions, localTemplate } from './options.ts';
import { STOP_MARGIN_MS } from './stop.ts';

const can: CloudAbilities = {
  idempotency: 'token',
  // A controller killed in the middle of a create leaves a process that shows its tags some milliseconds later.
  consistencyMs: 1000,
  callLimitMs: 10_000 + STOP_MARGIN_MS,
  concurrency: 16,
  zones: false,
  prices: false,
  cpu: false,
  listsForeign: false,
};

export const manifest: CloudManifest<typeof localOptions, typeof localTemplate> = {
  kind: 'cloud',
  id: 'local',
  title: 'Local processes',
  summary: 'Machines are processes of this host that outlive the controller. The process table is the only record of them.',
  options: localOptions,
  template: localTemplate,
  can,
  abilities: (options: LocalOptions) => ({ ...can, callLimitMs: durationMs(options.stop_timeout) + STOP_MARGIN_MS }),
  open: async (options, ports) => new LocalCloud(options, ports),
};
