/** The configuration of the reference architecture: the web tier, and a group for each way a pipeline may set a node up. */
import type { EmulatedLinode, Front } from '../support/emulated-linode.ts';

export interface Parts {
  readonly world: EmulatedLinode;
  readonly front: Front;
  readonly artefactsUrl: string;
  readonly image: string;
  readonly stackscripts: { readonly web: number; readonly waiting: number };
  readonly jenkins: { readonly url: string; readonly user: string };
  readonly robot: string;
  readonly inbox: string;
  readonly release: string;
  readonly ways: readonly string[];
  /** When at least four nodes shall be there, UTC. */
  readonly campaign?: { readonly from: string; readonly to: string };
}

export function groupsOf(parts: Parts): string {
  const { world, front, stackscripts } = parts;
  const { drover: api, executor, web } = world.ports;
  const base = 'region: us-east, type: g6-nanode-1, private_ip: true';
  const debian = `${base}, image: linode/debian12`;
  const waiting = `{ ${debian}, tags: [way], stackscript: { id: ${stackscripts.waiting}, data: { INBOX: '${parts.inbox}' } } }`;
  const campaign = parts.campaign;
  return `version: 1
server: { listen: '127.0.0.1:${api}', state: ./state }
clouds: { akamai: { type: linode, url: '${world.url}', token: { file: ./token } } }
balancers: { edge: { type: nodebalancer, url: '${world.url}', token: { file: ./token }, nodebalancer: ${front.id}, port: ${web} } }
receivers:
  executor: { format: alertmanager, any_version: true, auth: none, listen: '127.0.0.1:${executor}' }
  ci:
    format: jenkins
    auth: { basic: { username: ${parts.robot}, password: { file: ./ci-password } } }
    jobs: { scale-up: { parameters: { REASON: unknown }, valid_for: 20s, quiet_period: 1s } }
groups:
  web:
    cloud: akamai
    template: { ${debian}, tags: [web], stackscript: { id: ${stackscripts.web}, data: { ARTEFACTS: '${parts.artefactsUrl}' } } }
    balancer: { use: edge, port: ${web} }
    min: 2
    max: 6
    evaluate_every: 1s
    policies:
      - { name: high, type: alert, alert: HighLoad, receiver: executor, change: +1, every: 45s }
      - { name: job, type: alert, alert: scale-up, receiver: ci, change: +1 }
      - { name: low, type: alert, alert: LowLoad, receiver: executor, change: -2, every: 10s }
${campaign === undefined ? '' : `      - { name: campaign, type: schedule, dates: [{ from: '${campaign.from}', to: '${campaign.to}' }], min: 4 }\n`}\
    limits: { scale_in: { every: 5s, after_quiet: 5s }, destruction: { window: 10s } }
    health: { http: { path: /healthz, every: 1s, timeout: 1s, healthy_after: 1 } }
    lifecycle: { boot_timeout: 2m, drain: 6s }
${way('by-hand', waiting, '')}\
${way('by-image', `{ ${base}, tags: [way], image: '${parts.image}' }`, '')}\
${way('by-ansible', waiting, `ansible: { playbook: ./site.yml, connection: local, extra_vars: { inbox: '${parts.inbox}', release: ${parts.release}, port: ${web} } }`)}\
${way('by-jenkins', waiting, `jenkins: { url: '${parts.jenkins.url}', job: team/deploy-node, auth: { user: ${parts.jenkins.user}, token: { file: ./ci-token } }, parameters: { VERSION: ${parts.release} }, poll_every: 500ms }`)}\
${parts.ways.includes('by-terraform') ? way('by-terraform', waiting, `exec: [./terraform.sh, '${parts.inbox}', ${parts.release}, '${web}']`) : ''}`;

  /** The machine is there when its exporter answers; whether its application does is for the NodeBalancer to see. */
  function way(name: string, template: string, hook: string): string {
    return `  ${name}:
    cloud: akamai
    template: ${template}
    balancer: { use: edge, port: ${web} }
    min: 0
    max: 1
    evaluate_every: 1s
    limits: { scale_in: { every: 5s, after_quiet: 5s }, destruction: { window: 10s } }
    health: { http: { path: /metrics, port: 9100, every: 1s, timeout: 1s, healthy_after: 1 } }
    lifecycle: { boot_timeout: 3m, drain: 1s }
${hook === '' ? '' : `    hooks: { before_attach: { ${hook}, timeout: 2m, on_failure: replace } }\n`}`;
  }
}
