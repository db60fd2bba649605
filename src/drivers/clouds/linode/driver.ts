import { durationMs } from '../../../kit/duration-text.ts';
import type { CloudAbilities, CloudManifest } from '../../../ports/cloud.ts';
import { type LinodeOptions, options, template } from './options.ts';

/** A create that finds its label taken makes a second call; before both it may wait for its turn. */
const TURN_MS = 15_000;

const can: CloudAbilities = {
  idempotency: 'unique-name',
  consistencyMs: 10_000,
  callLimitMs: 2 * 20_000 + TURN_MS,
  concurrency: 8,
  // Regions are far apart, and a NodeBalancer takes members of its own region only: a group lives in one.
  zones: false,
  prices: true,
  cpu: false,
  listsForeign: false,
};

export const manifest: CloudManifest<typeof options, typeof template> = {
  kind: 'cloud',
  id: 'linode',
  title: 'Linode (Akamai)',
  summary: 'Virtual machines of Linode, now Akamai, over its API v4: from an image, a private image, with a StackScript or user data.',
  options,
  template,
  can,
  abilities: (given: LinodeOptions) => ({
    ...can,
    consistencyMs: durationMs(given.consistency),
    callLimitMs: 2 * durationMs(given.timeout) + TURN_MS,
    concurrency: given.concurrency,
  }),
  open: async (given, ports) => new (await import('./linode.ts')).LinodeCloud(given, ports),
};
