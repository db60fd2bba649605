import type { InstanceRow, Machine } from '../ports/ports.ts';
import type { GroupState } from './group-state.ts';

/** What a machine tells about itself, as columns of the row. */
export function machinePatch(machine: Machine): Partial<InstanceRow> {
  return {
    machineId: machine.id,
    address: machine.address,
    port: machine.port,
    zone: machine.zone,
    pricePerHour: machine.pricePerHour,
    paidUntilMs: machine.paidUntilMs,
    ...(machine.owner ? { templateId: machine.owner.templateId } : {}),
  };
}

/** Tags that name another launch. A machine without tags may be ours and have lost them: that proves nothing. */
export function isOther(row: InstanceRow, machine: Machine): boolean {
  return machine.owner !== null && machine.owner.token !== row.token;
}

/** A person struck it from the books: its machine is left alone, also by the sweep of orphans. */
const FORGOTTEN = 'forgotten by ';
export const forgottenBy = (person: string): string => `${FORGOTTEN}${person}`;
export function isForgotten(row: InstanceRow): boolean {
  return row.removalCause === 'forced' && row.removalWhy?.startsWith(FORGOTTEN) === true;
}

/** A row as it begins, before anyone was asked for a machine. */
export function newRow(state: GroupState, n: number, id: string, nowMs: number): InstanceRow {
  const { row } = state;
  return {
    id,
    group: row.name,
    n,
    token: '',
    templateId: row.spec.template.id,
    state: 'intent',
    sinceMs: nowMs,
    createdAtMs: nowMs,
    servingSinceMs: null,
    machineId: null,
    address: null,
    port: null,
    zone: null,
    pricePerHour: row.spec.pricePerHour,
    paidUntilMs: null,
    health: 'unknown',
    healthSinceMs: nowMs,
    protected: false,
    standby: false,
    detached: false,
    replaceRequested: false,
    removeRequested: false,
    removalCause: null,
    removalWhy: null,
    replaces: null,
    members: {},
    step: null,
    launchedBy: null,
    removedBy: null,
  };
}

/** `INSTALL.GROUP.N`: deterministic, so that a retry after any crash finds the machine of the first try. */
export function tokenOf(installId: string, group: string, n: number): string {
  return `${installId}.${group}.${n}`;
}

/** The number in a token; null: it is none of ours. */
export function numberOf(token: string): number | null {
  const n = Number(token.slice(token.lastIndexOf('.') + 1));
  return Number.isSafeInteger(n) && n > 0 ? n : null;
}
