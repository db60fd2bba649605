import { type LoadedConfig, writtenUrls } from '../config/config.ts';
import { OperationError } from '../engine/operations.ts';
import type { AddressGuard } from '../platform/address-guard.ts';

/** Names by which metadata services are known; they resolve on machines of that cloud only. */
const METADATA_NAMES = new Set(['metadata.google.internal', 'metadata.goog', 'instance-data', 'instance-data.ec2.internal', 'metadata.azure.internal']);

/**
 * What may not come in through the API: another list of what drivers may call (a token must not widen its own reach), and URLs that name an address they may
 * not call. Names are judged when they are connected to. Throws OperationError.
 */
export function refuseOutbound(running: LoadedConfig, next: LoadedConfig, guard: Pick<AddressGuard, 'refusal'>): void {
  if (JSON.stringify(running.server.outbound) !== JSON.stringify(next.server.outbound)) {
    throw new OperationError('refused', '`server.outbound` can be changed only in the file on the machine of the controller. Nothing was applied.');
  }
  const metadata = guard.refusal('169.254.169.254');
  for (const { host, path } of writtenUrls(next.expanded)) {
    const why = guard.refusal(host) ?? (METADATA_NAMES.has(host.replace(/\.$/, '')) ? metadata : null);
    if (why !== null) throw new OperationError('invalid', `${path}: ${why.message}. Nothing was applied.`, path);
  }
}
