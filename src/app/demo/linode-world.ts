/** Machines are Linodes behind a NodeBalancer, of an emulated account in a process of its own. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort } from '../../platform/free-port.ts';
import type { DemoWorld } from './demo-world.ts';
import { EmulatedAccount } from './emulated-account.ts';

/** A Linode takes 35 s to run and its application another one: here about 4 s. */
const TIME_FACTOR = 10;
const REGION = 'us-east';
const LABEL = 'demo';

export async function openLinodeWorld(dir: string): Promise<DemoWorld> {
  // High ports: no rights are needed. The work makes a Linode good for 500 requests a second.
  const [appPort, exporterPort, port] = [await freePort(), await freePort(), await freePort()];
  const account = await EmulatedAccount.open({ network: 'loopback', timeFactor: TIME_FACTOR, app: { port: appPort, workMs: 2 }, exporterPort });
  try {
    const ipv4 = await makeNodeBalancer(account, port);
    writeFileSync(join(dir, 'token'), account.token, { mode: 0o600 });
    const api = `url: '${account.url}', token: { file: ./token }`;
    return {
      intro: [
        'Linode, emulated: its API, Linodes that are processes on addresses of their own, and a NodeBalancer that listens, checks and drains.',
        `Drover sees it as the account of an operator; boots and checks take a ${TIME_FACTOR}th of their time. The request rate, which Linode shows only in later`,
        'statistics, comes from the emulator and stands for that of an exporter. Nothing is kept, nothing leaves 127.0.0.0/8.',
      ].join('\n'),
      balancer: `NodeBalancer ${LABEL}, API at ${account.url}`,
      url: `http://${ipv4}:${port}/`,
      config: {
        top: [
          `clouds: { linode: { type: linode, ${api} } }`,
          `balancers: { edge: { type: nodebalancer, ${api}, nodebalancer: ${LABEL}, port: ${port} } }`,
          `sources: { edge-stats: { type: http, url: '${account.controlUrl}/metrics' } }`,
        ].join('\n'),
        group: [
          'cloud: linode',
          `template: { region: ${REGION}, type: g6-nanode-1, image: linode/debian12, private_ip: true }`,
          `balancer: { use: edge, port: ${appPort} }`,
        ],
        query: `prometheus_text: balancer_request_rate, labels: { balancer: ${LABEL} }`,
      },
      kill: async ({ machineId }) => {
        if (machineId === null) return false;
        return account.control('POST', `/machines/${encodeURIComponent(machineId)}/kill`).then(
          () => true,
          () => false, // it is not running (any more)
        );
      },
      close: () => account.close(),
    };
  } catch (e) {
    await account.close();
    throw e;
  }
}

/** As an operator has one: HTTP checks, and two that fail take a node out. Its address. */
async function makeNodeBalancer(account: EmulatedAccount, port: number): Promise<string> {
  const balancer = await account.api('POST', '/nodebalancers', { region: REGION, label: LABEL });
  const check = { check: 'http', check_path: '/healthz', check_interval: 10, check_timeout: 5, check_attempts: 2, check_passive: true };
  await account.api('POST', `/nodebalancers/${String(balancer['id'])}/configs`, { port, protocol: 'http', algorithm: 'leastconn', ...check });
  return String(balancer['ipv4']);
}
