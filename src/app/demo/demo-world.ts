import type { InstanceRow } from '../../ports/ports.ts';

/** Machines and a balancer for the demo: of one kind of cloud each. */
export interface DemoWorld {
  /** What plays the part of what, for whoever watches. */
  readonly intro: string;
  /** What stands before the machines, in words. */
  readonly balancer: string;
  /** Where requests go. */
  readonly url: string;
  readonly config: DemoConfig;
  /** As a machine dies: no goodbye. False: it is not there. */
  kill(instance: InstanceRow): Promise<boolean>;
  /** Leaves nothing behind; called once the controller has ended. */
  close(): Promise<void>;
}

/** The parts of the configuration file that differ. */
export interface DemoConfig {
  /** `clouds:`, `balancers:` and `sources:`; the balancer is `edge`, the source `edge-stats`. */
  readonly top: string;
  /** Of the group: its cloud, template and balancer. */
  readonly group: readonly string[];
  /** Of the metric, beside the source: requests per second of the balancer. */
  readonly query: string;
}

export const GROUP = 'web';
/** Requests a second that one machine takes with ease. */
export const PER_INSTANCE = 100;

/** The whole file. `port`: of the controller's API. */
export function demoConfig(config: DemoConfig, port: number): string {
  return `version: 1
server: { listen: '127.0.0.1:${port}', state: ./state }
${config.top}
groups:
  ${GROUP}:
${config.group.map((line) => `    ${line}`).join('\n')}
    min: 2
    max: 10
    evaluate_every: 1s
    metrics: { rps: { from: edge-stats, ${config.query}, unit: req/s } }
    policies:
      - { name: traffic, type: target, metric: rps, per_instance: ${PER_INSTANCE} }
    limits:
      scale_out: { every: 3s }
      scale_in: { step: 1, every: 3s, after_quiet: 6s }
      destruction: { window: 1m, replace: 'max(2, 50%)', all: 'max(20, 100%)' }
    health: { http: { path: /healthz, every: 1s, timeout: 1s, healthy_after: 1, unhealthy_after: 2 }, grace: 0s }
    lifecycle: { boot_timeout: 20s, drain: 5s }
`;
}
