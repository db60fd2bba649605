/** NodeBalancers, their configs and nodes. */
import { balancerView, configView } from './balancer-view.ts';
import { refuse } from './refused.ts';
import { type Call, does, idOf, list, type Route, route } from './routes.ts';

const READ = 'nodebalancers:read_only';
const WRITE = 'nodebalancers:read_write';
const ONE = '/nodebalancers/{id}';
const CONFIG = `${ONE}/configs/{config}`;
const NODE = `${CONFIG}/nodes/{node}`;
/** Time until there are statistics, ms, divided by the time factor. */
const STATS_AFTER_MS = 300_000;

export const BALANCER_ROUTES: readonly Route[] = [
  list('/nodebalancers', READ, ['label', 'region', 'ipv4', 'tags'], ({ account }) => account.balancers.all().map((each) => balancerView(each))),
  route('POST', '/nodebalancers', WRITE, async ({ account, body }) => balancerView(await account.balancers.create(body))),
  route('GET', ONE, READ, (call) => balancerView(call.account.balancers.get(idOf(call)))),
  route('PUT', ONE, WRITE, (call) => balancerView(call.account.balancers.update(idOf(call), call.body))),
  route(
    'DELETE',
    ONE,
    WRITE,
    does((call) => call.account.balancers.delete(idOf(call))),
  ),
  list(`${ONE}/configs`, READ, [], (call) => {
    const balancer = call.account.balancers.get(idOf(call));
    return [...balancer.configs.values()].map((config) => configView(balancer, config));
  }),
  route('POST', `${ONE}/configs`, WRITE, async (call) => configAnswer(call, await call.account.balancers.createConfig(idOf(call), call.body))),
  route('GET', CONFIG, READ, (call) => configAnswer(call, call.account.balancers.config(...configIds(call)))),
  route('PUT', CONFIG, WRITE, async (call) => configAnswer(call, await call.account.balancers.updateConfig(...configIds(call), call.body))),
  route(
    'DELETE',
    CONFIG,
    WRITE,
    does((call) => call.account.balancers.deleteConfig(...configIds(call))),
  ),
  route('POST', `${CONFIG}/rebuild`, WRITE, async (call) => configAnswer(call, await call.account.balancers.rebuildConfig(...configIds(call), call.body))),
  list(`${CONFIG}/nodes`, READ, [], (call) => call.account.balancers.nodeViews(...configIds(call), call.staleMs)),
  route('POST', `${CONFIG}/nodes`, WRITE, (call) => nodeAnswer(call, call.account.balancers.createNode(...configIds(call), call.body).id)),
  route('GET', NODE, READ, (call) => nodeAnswer(call, idOf(call, 'node'))),
  route('PUT', NODE, WRITE, (call) => nodeAnswer(call, call.account.balancers.updateNode(...configIds(call), idOf(call, 'node'), call.body).id)),
  route(
    'DELETE',
    NODE,
    WRITE,
    does((call) => call.account.balancers.deleteNode(...configIds(call), idOf(call, 'node'))),
  ),
  list(`${ONE}/firewalls`, READ, ['id', 'label', 'created', 'updated', 'tags'], (call) => {
    const { id } = call.account.balancers.get(idOf(call));
    return call.account.firewalls.of('nodebalancer', id).map((each) => call.account.firewalls.view(each));
  }),
  route('GET', `${ONE}/stats`, READ, stats, 'stats'),
];

function configIds(call: Call): [number, number] {
  return [idOf(call), idOf(call, 'config')];
}

function configAnswer(call: Call, config: ReturnType<Call['account']['balancers']['config']>): Record<string, unknown> {
  return configView(call.account.balancers.get(idOf(call)), config);
}

function nodeAnswer(call: Call, nodeId: number): Record<string, unknown> {
  const { balancers } = call.account;
  const [id, configId] = configIds(call);
  return balancers.nodeView(balancers.get(id), balancers.config(id, configId), balancers.node(id, configId, nodeId));
}

/** One sample, of now: the emulator keeps no series of its own. Connections of the whole NodeBalancer, as there. */
function stats(call: Call): Record<string, unknown> {
  const balancer = call.account.balancers.get(idOf(call));
  const nowMs = call.account.now();
  if (nowMs - balancer.createdMs < call.account.scaled(STATS_AFTER_MS)) throw refuse('Stats are unavailable at this time.');
  const sessions = [...balancer.configs.values()].reduce((sum, config) => sum + config.frontend.figures().sessions, 0);
  return { title: `linode.com - balancer${balancer.id} (${balancer.label})`, data: { connections: [[nowMs, sessions]], traffic: { in: [], out: [] } } };
}
