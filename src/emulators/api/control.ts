/** The control API of an emulator: JSON over HTTP on a port of its own. Not a vendor's: it breaks things and tells what happened. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { z } from 'zod';
import type { Frontend, FrontendFigures } from '../balancing/balancing.ts';
import type { EmulatedMachine, MachineWorld } from '../machines/machines.ts';
import { type FaultBook, faultSchema } from './faults.ts';
import { type Answer, BodyTooLarge, type Listen, type RunningServer, readBody, send, serve } from './http-server.ts';
import type { Ledger } from './ledger.ts';
import { labelValue, type MetricSample, MetricsText } from './metrics-text.ts';
import { type Found, Router } from './router.ts';

export interface ControlledMachine {
  readonly id: string;
  readonly label: string;
  readonly tags: readonly string[];
  readonly machine: EmulatedMachine;
}

export interface ControlledFrontend {
  /** Label of its balancer. */
  readonly balancer: string;
  readonly frontend: Frontend;
}

export interface ControlParts {
  readonly faults: FaultBook;
  readonly ledger: Ledger;
  readonly world: MachineWorld;
  /** The machines that live now. */
  readonly machines: () => readonly ControlledMachine[];
  /** The listeners of the balancers that live now. */
  readonly frontends: () => readonly ControlledFrontend[];
}

const MAX_BODY_BYTES = 64 * 1024;

/** What may go wrong with a machine on its way up. */
export const bootFaultsSchema = z.strictObject({
  count: z.int().min(0).max(100_000).default(1).describe('Machines made next that it applies to, 0 to 100,000; 0 ends it. Default 1.'),
  slower: z.number().min(1).max(1000).nullable().default(null).describe('Multiplies the time to provision and boot, 1 to 1,000. Default: not slower.'),
  stuck_in: z.enum(['provisioning', 'booting']).nullable().default(null).describe('Never leaves this phase. Default: none.'),
  mute: z.boolean().default(false).describe('Runs, but never listens. Default false.'),
});

const loadSchema = z.strictObject({
  cpus: z.number().min(0).max(1024).default(0).describe("Virtual processors kept busy, 0 to the machine's. Default 0."),
  memory_mb: z.number().min(0).max(10_000_000).default(0).describe('Memory taken, MiB. Default 0.'),
  seconds: z.number().min(0).max(86_400).default(60).describe('How long, real seconds, up to a day. Default 60.'),
});

class Refusal extends Error {
  readonly status: number;
  constructor(status: number, why: string) {
    super(why);
    this.status = status;
  }
}

type Handler = (parts: ControlParts, params: Readonly<Record<string, string>>, body: unknown) => unknown;

const ROUTES: Readonly<Record<string, Handler>> = {
  'GET /': () => ({ routes: Object.keys(ROUTES) }),
  'GET /faults': ({ faults }) => ({ faults: faults.list() }),
  'POST /faults': ({ faults }, _, body) => addFault(faults, body),
  'DELETE /faults': ({ faults }) => {
    faults.clear();
    return {};
  },
  'DELETE /faults/{id}': ({ faults }, { id }) => {
    if (!faults.remove(Number(id))) throw new Refusal(404, 'no such fault; it may be over');
    return {};
  },
  'GET /ledger': ({ ledger }) => ledger.view(),
  'GET /metrics': ({ frontends }) => balancerMetrics(frontends()),
  'POST /boot-faults': ({ world }, _, body) => {
    const { count, slower, stuck_in, mute } = bootFaultsSchema.parse(body);
    world.setBootFaults({ count, slower, stuckIn: stuck_in, mute });
    return {};
  },
  'GET /machines': async ({ machines }) => ({ machines: await Promise.all(machines().map(machineView)) }),
  'GET /machines/{id}': ({ machines }, { id }) => machineView(find(machines(), id)),
  'POST /machines/{id}/load': async ({ machines }, { id }, body) => {
    const { cpus, memory_mb, seconds } = loadSchema.parse(body);
    const each = find(machines(), id);
    await running(each).setLoad({ cpus: Math.min(cpus, each.machine.request.vcpus), memoryBytes: memory_mb * 1024 * 1024, forMs: seconds * 1000 });
    return {};
  },
  'POST /machines/{id}/sick': async ({ machines }, { id }) => setHealthy(find(machines(), id), false),
  'POST /machines/{id}/well': async ({ machines }, { id }) => setHealthy(find(machines(), id), true),
  'POST /machines/{id}/kill': ({ machines }, { id }) => kill(find(machines(), id)),
};

export function startControl(listen: Listen, parts: ControlParts): Promise<RunningServer> {
  const router = new Router<Handler>();
  for (const [route, handler] of Object.entries(ROUTES)) {
    const [method = '', path = ''] = route.split(' ');
    router.add(method, path, handler);
  }
  return serve(listen, (request, response) => void answer(router, parts, request, response));
}

async function answer(router: Router<Handler>, parts: ControlParts, request: IncomingMessage, response: ServerResponse): Promise<void> {
  try {
    send(response, await handle(router, parts, request));
  } catch (e) {
    const status = e instanceof Refusal ? e.status : e instanceof z.ZodError ? 400 : e instanceof BodyTooLarge ? 413 : e instanceof RangeError ? 409 : 500;
    const error = e instanceof z.ZodError ? e.issues.map((issue) => `${issue.path.join('.') || 'body'}: ${issue.message}`).join('; ') : messageOf(e);
    send(response, { status, headers: { connection: 'close' }, body: { error } });
  }
}

async function handle(router: Router<Handler>, parts: ControlParts, request: IncomingMessage): Promise<Answer> {
  // The port has no password; a page in somebody's browser must not be able to use it.
  if (request.headers.origin !== undefined) throw new Refusal(403, 'not for browsers');
  const path = new URL(request.url ?? '/', 'http://control').pathname;
  const found = router.find(request.method ?? 'GET', path);
  if (found === null || !('value' in found)) throw new Refusal(found === null ? 404 : 405, `there is ${router.list().join(', ')}`);
  const { value, params } = found satisfies Found<Handler>;
  const text = await readBody(request, MAX_BODY_BYTES);
  return { status: 200, body: await value(parts, params, text === '' ? {} : parse(text)) };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new Refusal(400, 'the body is not JSON');
  }
}

function addFault(faults: FaultBook, body: unknown): unknown {
  return faults.add(faultSchema.parse(body));
}

/** By id, else by label. */
function find(machines: readonly ControlledMachine[], name: string | undefined): ControlledMachine {
  const found = machines.find((each) => each.id === name) ?? machines.find((each) => each.label === name);
  if (found === undefined) throw new Refusal(404, 'no such machine; it goes by its id or its label');
  return found;
}

/** What a vendor shows of a balancer only much later, in its statistics. */
function balancerMetrics(frontends: readonly ControlledFrontend[]): string {
  const text = new MetricsText();
  const rows = frontends.map(({ balancer, frontend }): [string, FrontendFigures] => [
    `{balancer="${labelValue(balancer)}",port="${frontend.spec.port}"}`,
    frontend.figures(),
  ]);
  const of = (pick: (figures: FrontendFigures) => number | null): MetricSample[] => rows.map(([labels, figures]) => [labels, pick(figures)]);
  const counted = 'Requests, or connections of TCP,';
  text.add(
    'balancer_requests_total',
    'counter',
    `${counted} received.`,
    of((f) => f.requests),
  );
  text.add(
    'balancer_failed_requests_total',
    'counter',
    `${counted} without a whole answer of a backend.`,
    of((f) => f.failed),
  );
  text.add(
    'balancer_request_rate',
    'gauge',
    `${counted} per second over the last 1 to 5 seconds.`,
    of((f) => f.requestRate),
  );
  text.add(
    'balancer_sessions',
    'gauge',
    `${counted} under way.`,
    of((f) => f.sessions),
  );
  return text.toString();
}

async function machineView({ id, label, tags, machine }: ControlledMachine): Promise<unknown> {
  const { addresses } = machine.request;
  const stats = machine.phase === 'running' ? await machine.stats().catch(() => null) : null;
  return {
    id,
    label,
    tags,
    phase: machine.phase,
    pid: machine.pid,
    public_ipv4: addresses.publicV4,
    private_ipv4: addresses.privateV4,
    vpc_ipv4: addresses.vpcV4,
    ipv6: addresses.v6,
    cpu: stats?.cpu ?? null,
    requests: stats?.requests ?? null,
  };
}

function running({ machine, label }: ControlledMachine): EmulatedMachine {
  if (machine.phase !== 'running') throw new Refusal(409, `${label} is ${machine.phase}, not running`);
  return machine;
}

async function setHealthy(each: ControlledMachine, healthy: boolean): Promise<unknown> {
  await running(each).setHealthy(healthy);
  return {};
}

/** As if the machine broke: nobody asked the vendor for it. */
function kill(each: ControlledMachine): unknown {
  const { pid } = running(each);
  if (pid === null) throw new Refusal(409, `${each.label} has no process: this emulator runs no guests`);
  process.kill(pid, 'SIGKILL');
  return {};
}

function messageOf(e: unknown): string {
  return e instanceof Error ? e.message : 'failed';
}
