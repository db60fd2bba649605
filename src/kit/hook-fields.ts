/** What hooks of every kind may put into their texts and get in their environment. */
import type { HookContext } from '../ports/hook.ts';
import type { Fields } from './fill.ts';

/** Names for {{…}}; `ip` is the address, `id` the cloud's own id of the machine. */
export const HOOK_FIELDS = ['ip', 'port', 'id', 'instance', 'group', 'zone', 'step', 'token'] as const;

export function hookFields(context: HookContext): Fields {
  return {
    ip: context.address,
    port: context.port === null ? null : String(context.port),
    id: context.machineId,
    instance: context.instance,
    group: context.group,
    zone: context.zone,
    step: context.step,
    token: context.token,
  };
}

/** The DROVER_* variables. A port or zone that the machine does not have is empty. */
export function hookEnv(context: HookContext): Record<string, string> {
  return {
    DROVER_STEP: context.step,
    DROVER_GROUP: context.group,
    DROVER_INSTANCE: context.instance,
    DROVER_MACHINE_ID: context.machineId,
    DROVER_ADDRESS: context.address,
    DROVER_PORT: context.port === null ? '' : String(context.port),
    DROVER_ZONE: context.zone ?? '',
    DROVER_TOKEN: context.token,
  };
}
