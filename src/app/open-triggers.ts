import type { ReceiverTriggers } from '../api/receivers.ts';
import { type AlertFormatManifest, DriverError } from '../ports/ports.ts';
import { loadManifest } from './registry.ts';

/** What a receiver serves at the routes of Jenkins; null: its format has none. */
export async function openTriggers(manifest: AlertFormatManifest, options: unknown): Promise<ReceiverTriggers | null> {
  const told = manifest.triggers?.(options as never);
  if (told === undefined) return null;
  const { jobs, webhook, crumb } = told;
  if (webhook === null || 'jobs' in webhook) return { jobs, webhook, crumb };
  const other = (await loadManifest('alert-format', webhook.format)) as AlertFormatManifest | null;
  if (other === null) throw new DriverError('bad-request', `there is no alert format ${webhook.format}`);
  return { jobs, webhook: { format: other.open(other.options.parse({})) }, crumb };
}
