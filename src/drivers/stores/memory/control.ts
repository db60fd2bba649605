import type { GroupSpec } from '../../../core/model/group.ts';
import { canonicalJson } from '../../../ports/event-chain.ts';
import type { AlertRow, ControlChange, NewEvent } from '../../../ports/store.ts';
import { type Change, contradiction } from './change.ts';
import { PAUSE_ALL, specKey } from './data.ts';
import { freezeDeep } from './freeze.ts';

export function applyControl(
  change: Change,
  changes: readonly ControlChange[],
  events: readonly NewEvent[],
  once: { readonly key: string; readonly atMs: number } | undefined,
  nowMs: number,
): boolean {
  const { data } = change;
  if (once) {
    if (data.once.has(once.key)) return false;
    change.set(data.once, once.key, once.atMs);
  }
  for (const one of changes) applyChange(change, one, nowMs);
  for (const event of events) change.append(event);
  return true;
}

function applyChange(change: Change, one: ControlChange, nowMs: number): void {
  const { data } = change;
  switch (one.kind) {
    case 'put-spec':
      putSpec(change, one.spec, nowMs);
      break;
    case 'unmanage':
      change.setGroup(change.group(one.group), { managed: false });
      break;
    case 'archive':
      change.setGroup(change.group(one.group), { managed: false, archivedAtMs: nowMs });
      break;
    case 'pause':
      if (one.group === null) change.set(data.meta, PAUSE_ALL, freezeDeep(one.pause && { ...one.pause }));
      else change.setGroup(change.group(one.group), { pause: one.pause });
      break;
    case 'manual':
      change.setGroup(change.group(one.group), { manual: one.manual });
      break;
    case 'approve':
      change.setGroup(change.group(one.group), { approved: one.approved });
      break;
    case 'unfreeze':
      change.setGroup(change.group(one.group), { frozen: null });
      break;
    case 'flags':
      change.setInstance({ ...(data.instances.get(one.instance) ?? contradiction(`there is no instance ${one.instance}`)), ...one.set });
      break;
    case 'alert':
      if (putAlert(change, one.alert) && one.event) change.append(one.event);
      break;
    case 'token': {
      const old = data.tokens.get(one.token.id);
      change.set(data.tokens, one.token.id, Object.freeze(old ? { ...one.token, createdAtMs: old.createdAtMs } : { ...one.token }));
      break;
    }
    case 'meta':
      change.set(data.meta, one.key, freezeDeep(one.value));
      break;
  }
}

function putSpec(change: Change, spec: GroupSpec, nowMs: number): void {
  const { data } = change;
  const template = JSON.stringify([spec.name, spec.template.id]);
  const options = canonicalJson(spec.template.options);
  const known = data.templates.get(template);
  if (known !== undefined && known !== options)
    contradiction(`template ${spec.template.id} of group ${spec.name} exists with other options; a changed template needs another id`);
  change.set(data.templates, template, options);
  let specs = data.specs.get(spec.name);
  if (!specs) {
    specs = new Map();
    data.specs.set(spec.name, specs);
  }
  change.set(specs, spec.hash, freezeDeep(spec));
  change.set(data.specPutMs, specKey(spec.name, spec.hash), nowMs);
  const old = data.groups.get(spec.name);
  if (old) change.setGroup(old, { spec, managed: true, archivedAtMs: null });
  else
    change.set(
      data.groups,
      spec.name,
      Object.freeze({
        name: spec.name,
        owner: null,
        epoch: 0,
        leaseUntilMs: 0,
        managed: true,
        archivedAtMs: null,
        spec,
        memory: null,
        pause: null,
        manual: Object.freeze([]),
        approved: null,
        nextN: 1,
        frozen: null,
        createdAtMs: nowMs,
      }),
    );
}

/** A resolved episode stays resolved, and what was heard later is not unheard: deliveries come twice and out of order. */
/** True: the episode is new, or its status changed. */
function putAlert(change: Change, alert: AlertRow): boolean {
  const { alerts } = change.data;
  const key = JSON.stringify([alert.receiver, alert.episode]);
  const old = alerts.get(key);
  const isOver = old?.status === 'resolved';
  change.set(
    alerts,
    key,
    freezeDeep({
      ...alert,
      status: isOver ? 'resolved' : alert.status,
      resolvedAtMs: isOver ? old.resolvedAtMs : alert.resolvedAtMs,
      lastHeardMs: Math.max(old?.lastHeardMs ?? alert.lastHeardMs, alert.lastHeardMs),
    }),
  );
  return old === undefined || (!isOver && old.status !== alert.status);
}
