/** The steps in and out of one server, as verified on HAProxy 2.4 to 3.4. Every effect is read back. */

import type { Clock } from '../../../ports/clock.ts';
import { DriverError } from '../../../ports/errors.ts';
import { type HaproxyClient, isNotFound } from './client.ts';
import { hostPort, sameAddress } from './layout.ts';
import { checkPassed, type Server } from './servers.ts';

const POLL_MS = 200;
const SETTLE_MS = 2000;
const SETTLE_POLL_MS = 50;

export interface Entry {
  readonly name: string;
  readonly address: string;
  readonly port: number;
}
export interface StepTools {
  readonly client: HaproxyClient;
  readonly clock: Clock;
}

/** The server as it is now. Throws conflict when it is gone or holds another address: HAProxy was restarted, or somebody else changed it. */
async function look(tools: StepTools, entry: Entry, signal: AbortSignal): Promise<Server> {
  const server = (await tools.client.servers(signal)).find((s) => s.name === entry.name);
  if (server && server.port === entry.port && sameAddress(server.address, entry.address)) return server;
  const now = server ? `holds ${hostPort(server.address, server.port)} now` : 'is gone';
  throw new DriverError(
    'conflict',
    `server ${entry.name} ${now}, it was ${hostPort(entry.address, entry.port)}: HAProxy was restarted, or somebody changed it`,
  );
}

/** Reads an effect back. From 3.0 on HAProxy applies some changes a moment after it accepted them. */
async function verify(tools: StepTools, entry: Entry, holds: (server: Server) => boolean, what: string, signal: AbortSignal): Promise<Server> {
  const end = tools.clock.mono() + SETTLE_MS;
  for (;;) {
    const server = (await tools.client.servers(signal)).find((s) => s.name === entry.name);
    if (!server) throw new DriverError('conflict', `server ${entry.name} is gone: HAProxy was restarted, or somebody deleted it`);
    if (server.port === entry.port && sameAddress(server.address, entry.address) && holds(server)) return server;
    if (tools.clock.mono() >= end) {
      throw new DriverError(
        'bad-reply',
        `HAProxy accepted it, but ${entry.name} is not ${what} (${hostPort(server.address, server.port)}, status ${server.status || 'unknown'})`,
      );
    }
    await tools.clock.sleep(SETTLE_POLL_MS, signal).catch((cause) => {
      throw new DriverError('unreachable', `${entry.name} is not ${what} yet`, { cause });
    });
  }
}

/** Waits until the server holds the address it was given. */
export function settle(tools: StepTools, entry: Entry, signal: AbortSignal): Promise<Server> {
  return verify(tools, entry, () => true, `at ${hostPort(entry.address, entry.port)}`, signal);
}

/**
 * Brings a server of ours into traffic. A server that leaves maintenance is UP at once, before any check; and a slot that was used
 * before still shows the check of its previous member. So it leaves maintenance into drain with its health set to down: it
 * gets nothing, its checks run, and only `rise` passed checks from then on bring it up. Then it is made ready.
 */
export async function join(tools: StepTools, entry: Server, check: boolean, signal: AbortSignal): Promise<{ readonly checked: boolean }> {
  const { client } = tools;
  const checked = check && entry.checkConfigured;
  if (checked) {
    await client.enableCheck(entry.name, signal);
    await client.setUnproven(entry.name, signal);
    await waitUntilPassed(tools, entry, signal);
  }
  await client.setState(entry.name, 'ready', signal);
  await verify(tools, entry, (s) => !s.maint && !s.drain, 'ready', signal);
  return { checked };
}

async function waitUntilPassed(tools: StepTools, entry: Entry, signal: AbortSignal): Promise<void> {
  await waitFor(tools, entry, checkPassed, signal, (s) => `${hostPort(entry.address, entry.port)} has not passed HAProxy's check${lastCheck(s)}`);
}

/** A ready server that HAProxy holds to be down gets nothing: waits until it is up. */
export async function waitUntilUp(tools: StepTools, entry: Entry, signal: AbortSignal): Promise<void> {
  await waitFor(
    tools,
    entry,
    (s) => s.up,
    signal,
    (s) => `${hostPort(entry.address, entry.port)} is down for HAProxy${lastCheck(s)}`,
  );
}

function lastCheck(server: Server | null): string {
  const words = [server?.status, server?.checkStatus, server?.lastCheck].filter((w) => w !== undefined && w !== '');
  return words.length === 0 ? '' : ` (last seen: ${words.join(', ')})`;
}

async function waitFor(
  tools: StepTools,
  entry: Entry,
  holds: (server: Server) => boolean,
  signal: AbortSignal,
  late: (server: Server | null) => string,
): Promise<void> {
  let seen: Server | null = null;
  try {
    for (;;) {
      seen = await look(tools, entry, signal);
      if (holds(seen)) return;
      if (seen.maint)
        throw new DriverError('conflict', `server ${entry.name} was put into maintenance while it joined: HAProxy was restarted, or somebody changed it`);
      await tools.clock.sleep(POLL_MS, signal);
    }
  } catch (e) {
    if (signal.aborted) throw new DriverError('unreachable', late(seen), { cause: e });
    throw e;
  }
}

/** No new work; sessions under way go on. */
export async function startDrain(tools: StepTools, entry: Entry, signal: AbortSignal): Promise<void> {
  await tools.client.setState(entry.name, 'drain', signal);
  await verify(tools, entry, (s) => s.drain || s.maint, 'draining', signal);
}

/** Into maintenance, and until nothing is open any more; what is left after `cutAfterMs` is cut. */
export async function leave(tools: StepTools, entry: Entry, cutAfterMs: number, signal: AbortSignal): Promise<void> {
  await tools.client.setState(entry.name, 'maint', signal);
  await verify(tools, entry, (s) => s.maint, 'in maintenance', signal);
  const cutAt = tools.clock.mono() + cutAfterMs;
  let cut = false;
  const late = (s: Server | null) => `${entry.name} is out of traffic, but ${s?.sessions ?? 'some'} sessions of it are still open`;
  const empty = (s: Server) => s.sessions === 0 && !s.checkInProgress;
  let seen: Server | null = null;
  try {
    for (;;) {
      seen = await look(tools, entry, signal);
      if (empty(seen)) return;
      if (!cut && seen.sessions > 0 && tools.clock.mono() >= cutAt) {
        await tools.client.cutSessions(entry.name, signal);
        cut = true;
      }
      await tools.clock.sleep(POLL_MS, signal);
    }
  } catch (e) {
    if (signal.aborted) throw new DriverError('unreachable', late(seen), { cause: e });
    throw e;
  }
}

/** Gives an emptied slot its placeholder address and its own weight back. */
export async function clearSlot(
  tools: StepTools,
  server: Server,
  placeholder: { readonly host: string; readonly port: number },
  signal: AbortSignal,
): Promise<void> {
  await tools.client.setAddress(server.name, placeholder.host, placeholder.port, signal);
  if (server.weight !== server.initialWeight) await tools.client.setWeight(server.name, server.initialWeight, signal);
  const entry = { name: server.name, address: placeholder.host, port: placeholder.port };
  await verify(tools, entry, (s) => s.maint, 'in maintenance', signal);
}

/** Deletes an emptied dynamic server; HAProxy closes its kept connections in its own time. */
export async function deleteServer(tools: StepTools, name: string, signal: AbortSignal): Promise<void> {
  try {
    while (!(await tools.client.deleteServer(name, signal))) await tools.clock.sleep(POLL_MS, signal);
  } catch (e) {
    if (isNotFound(e)) return;
    if (signal.aborted) throw new DriverError('unreachable', `${name} is out of traffic, but still has connections and cannot be deleted yet`, { cause: e });
    throw e;
  }
}
