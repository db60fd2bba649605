import type { GroupSpec } from '../../../core/model/group.ts';
import { canonicalJson } from '../../../ports/event-chain.ts';
import type { AlertRow, ControlChange, InstanceRow, NewEvent, TokenRow } from '../../../ports/store.ts';
import { SPEC_DIGEST_CHARS } from './commit.ts';
import { contradiction, PAUSE_ALL, type StoreContext } from './context.ts';
import { jsonOrNull } from './rows.ts';

/** Changes of operators and receivers, with their events; false when `once` was used before. */
export function applyControl(
  store: StoreContext,
  changes: readonly ControlChange[],
  events: readonly NewEvent[],
  once: { readonly key: string; readonly atMs: number } | undefined,
): boolean {
  const { connection, queries, chain } = store;
  if (once) {
    if (connection.get(queries.once, { key: once.key })) return false;
    connection.run(queries.addOnce, { key: once.key, at_ms: once.atMs });
  }
  for (const change of changes) applyChange(store, change);
  for (const event of events) chain.append(event);
  return true;
}

function applyChange(store: StoreContext, change: ControlChange): void {
  const { connection, queries } = store;
  switch (change.kind) {
    case 'put-spec':
      putSpec(store, change.spec);
      break;
    case 'unmanage':
      ofGroup(store, change.group, connection.run(queries.unmanage, { name: change.group }));
      break;
    case 'archive':
      archive(store, change.group);
      break;
    case 'pause':
      if (change.group === null) setMeta(store, PAUSE_ALL, JSON.stringify(change.pause));
      else ofGroup(store, change.group, connection.run(queries.setPause, { name: change.group, pause: jsonOrNull(change.pause) }));
      break;
    case 'manual':
      ofGroup(store, change.group, connection.run(queries.setManual, { name: change.group, manual: JSON.stringify(change.manual) }));
      break;
    case 'approve':
      ofGroup(store, change.group, connection.run(queries.setApproved, { name: change.group, approved: jsonOrNull(change.approved) }));
      break;
    case 'unfreeze':
      ofGroup(store, change.group, connection.run(queries.setFrozen, { name: change.group, frozen: null }));
      break;
    case 'flags':
      setFlags(store, change.instance, change.set);
      break;
    case 'alert':
      if (putAlert(store, change.alert) && change.event) store.chain.append(change.event);
      break;
    case 'token':
      putToken(store, change.token);
      break;
    case 'meta':
      setMeta(store, change.key, JSON.stringify(change.value));
      break;
  }
}

function ofGroup(store: StoreContext, name: string, changed: number): void {
  if (changed !== 1) contradiction(store, `there is no group ${name}`);
}

function setMeta(store: StoreContext, key: string, value: string): void {
  store.connection.run(store.queries.setMeta, { key, value });
}

/** The spec goes in once under its hash and a digest of its text: two texts under one hash are kept apart rather than mixed up. */
function putSpec(store: StoreContext, spec: GroupSpec): void {
  const { connection, queries, clock, sha256 } = store;
  const text = JSON.stringify(spec);
  const atMs = clock.wall();
  const key = `${spec.hash}:${sha256(text).slice(0, SPEC_DIGEST_CHARS)}`;
  const observe = spec.mode === 'observe' ? 1 : 0;
  connection.run(queries.putSpec, { key, group: spec.name, hash: spec.hash, spec: text, at_ms: atMs });
  const replaced = connection.run(queries.setSpec, { name: spec.name, observe, spec_key: key });
  if (replaced === 0) connection.run(queries.addGroup, { name: spec.name, observe, spec_key: key, created_ms: atMs });
  putTemplate(store, spec, atMs);
}

/** Templates never change and are never deleted; the one in use is not archived, the others are. */
function putTemplate(store: StoreContext, spec: GroupSpec, atMs: number): void {
  const { connection, queries } = store;
  const { id } = spec.template;
  const options = canonicalJson(spec.template.options);
  const known = connection.get(queries.template, { group: spec.name, id });
  if (known && known.options !== options)
    contradiction(store, `template ${id} of group ${spec.name} exists with other options; a changed template needs another id`);
  connection.run(queries.putTemplate, { group: spec.name, id, options, at_ms: atMs });
  connection.run(queries.archiveTemplates, { group: spec.name, except: id, at_ms: atMs });
}

function archive(store: StoreContext, group: string): void {
  const { connection, queries } = store;
  const atMs = store.clock.wall();
  ofGroup(store, group, connection.run(queries.archive, { name: group, at_ms: atMs }));
  connection.run(queries.archiveTemplates, { group, except: '', at_ms: atMs });
}

function setFlags(
  store: StoreContext,
  id: string,
  set: Partial<Pick<InstanceRow, 'protected' | 'standby' | 'detached' | 'replaceRequested' | 'removeRequested'>>,
): void {
  const flag = (value: boolean | undefined) => (value === undefined ? null : value ? 1 : 0);
  const changed = store.connection.run(store.queries.setFlags, {
    id,
    protected: flag(set.protected),
    standby: flag(set.standby),
    detached: flag(set.detached),
    replace_requested: flag(set.replaceRequested),
    remove_requested: flag(set.removeRequested),
  });
  if (changed !== 1) contradiction(store, `there is no instance ${id}`);
}

/** True: the episode is new, or its status changed. */
function putAlert(store: StoreContext, alert: AlertRow): boolean {
  const { connection, queries } = store;
  const old = connection.get(queries.alertStatus, { receiver: alert.receiver, episode: alert.episode });
  connection.run(queries.putAlert, {
    receiver: alert.receiver,
    episode: alert.episode,
    status: alert.status,
    name: alert.name,
    labels: JSON.stringify(alert.labels),
    starts_ms: alert.startsAtMs,
    last_heard_ms: alert.lastHeardMs,
    resolved_ms: alert.resolvedAtMs,
    detail: detailOf(alert),
  });
  return old === undefined || (old.status !== 'resolved' && old.status !== alert.status);
}

function detailOf({ annotations, origin }: AlertRow): string | null {
  return annotations === undefined && origin === undefined ? null : JSON.stringify({ annotations, origin });
}

function putToken(store: StoreContext, token: TokenRow): void {
  store.connection.run(store.queries.putToken, {
    id: token.id,
    name: token.name,
    role: token.role,
    hash: token.hash,
    created_ms: token.createdAtMs,
    revoked_ms: token.revokedAtMs,
  });
}
