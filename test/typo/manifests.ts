/** Small manifests in the shape of the real ones: what the configuration's tests need of drivers, and nothing that opens anything. */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { ManifestRegistry } from '../../src/config/drivers.ts';
import type { LoadResult } from '../../src/config/load.ts';
import { loadConfig } from '../../src/config/load.ts';
import type { AlertFormatManifest, BalancerManifest, CloudManifest, HookManifest, NotifierManifest, SourceManifest } from '../../src/ports/ports.ts';

const secret = z.union([z.strictObject({ env: z.string().min(1).describe('Variable.') }), z.strictObject({ file: z.string().min(1).describe('File.') })]);
const time = z.string().regex(/^(\d+(ms|s|m|h|d))+$/, 'must be a time such as 500ms or 30s');
const closed = (): never => {
  throw new Error('these manifests describe drivers, they open none');
};

const can = {
  idempotency: 'token',
  consistencyMs: 1000,
  callLimitMs: 10_000,
  concurrency: 4,
  zones: false,
  prices: false,
  cpu: false,
  listsForeign: false,
} as const;

const local: CloudManifest = {
  kind: 'cloud',
  id: 'local',
  title: 'Local',
  summary: 'Processes.',
  options: z.strictObject({ ports: z.string().default('20000-29999').describe('Ports.'), stop_timeout: time.default('10s').describe('Time to stop.') }),
  template: z.strictObject({
    command: z.array(z.string()).min(1).describe('Program and arguments.'),
    port: z.int().min(1).max(65_535).optional().describe('Port.'),
  }),
  can,
  open: closed,
};
const exec: CloudManifest = {
  ...local,
  id: 'exec',
  options: z.strictObject({ list: z.array(z.string()).default(['./list']).describe('Lists.') }),
  template: z.strictObject({ size: z.string().default('small').describe('Size.') }),
};
const acme: CloudManifest = {
  ...local,
  id: 'acme',
  options: z.strictObject({ token: secret.describe('Token.'), location: z.string().default('fsn1').describe('Location.') }),
  template: z.strictObject({
    type: z.string().describe('Type.'),
    image: z.string().describe('Image.'),
    user_data: z.string().optional().describe('Start-up data.'),
  }),
  can: { ...can, zones: true, prices: true },
};
const haproxy: BalancerManifest = {
  kind: 'balancer',
  id: 'haproxy',
  title: 'HAProxy',
  summary: 'HAProxy.',
  options: z
    .strictObject({
      socket: z.string().optional().describe('Socket.'),
      address: z.string().optional().describe('Address.'),
      backend: z.string().describe('Backend.'),
      timeout: time.default('5s').describe('Limit.'),
    })
    .refine((o) => (o.socket === undefined) !== (o.address === undefined), { message: 'write either `socket` or `address`', path: ['socket'] }),
  can: { sessions: true, checks: true, callLimitMs: 1000 },
  open: closed,
};
const prometheus: SourceManifest = {
  kind: 'source',
  id: 'prometheus',
  title: 'Prometheus',
  summary: 'PromQL.',
  options: z.strictObject({
    url: z
      .string()
      .regex(/^https?:\/\//, 'must be an http:// or https:// URL')
      .describe('Address.'),
    timeout: time.default('5s').describe('Limit.'),
  }),
  query: z.union([z.string(), z.strictObject({ query: z.string().min(1).describe('PromQL.'), freshness: z.string().optional().describe('Age query.') })]),
  can: { range: true },
  open: closed,
};
const alertmanager: AlertFormatManifest = {
  kind: 'alert-format',
  id: 'alertmanager',
  title: 'Alertmanager',
  summary: 'Version 4.',
  options: z.strictObject({}),
  hmac: null,
  open: closed,
};
const httpHook: HookManifest = {
  kind: 'hook',
  id: 'http',
  title: 'HTTP',
  summary: 'A request.',
  options: z.strictObject({ url: z.string().min(1).describe('Address.'), method: z.enum(['GET', 'POST']).default('POST').describe('Method.') }),
  open: closed,
};
const execHook: HookManifest = {
  ...httpHook,
  id: 'exec',
  title: 'Command',
  options: z.strictObject({ command: z.array(z.string()).min(1).describe('Command.') }),
};
const slack: NotifierManifest = {
  kind: 'notifier',
  id: 'slack',
  title: 'Slack',
  summary: 'Slack.',
  options: z.strictObject({ webhook: secret.describe('Address.') }),
  open: closed,
};
const webhook: NotifierManifest = { ...slack, id: 'webhook', title: 'Webhook', options: z.strictObject({ url: z.string().describe('Address.') }) };

export const manifests: ManifestRegistry = {
  clouds: { local, exec, acme },
  balancers: { haproxy },
  sources: { prometheus },
  alertFormats: { alertmanager },
  hooks: { http: httpHook, exec: execHook },
  notifiers: { slack, webhook },
};

export const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

export function load(text: string, file = 'drover.yaml'): LoadResult {
  return loadConfig({ file, text }, manifests, { sha256 });
}

/** Warnings and errors alike. */
export function diagnosticsOf(text: string, fileExists?: (path: string) => boolean, everyoneReads?: (path: string) => boolean) {
  const looks = { ...(fileExists === undefined ? {} : { fileExists }), ...(everyoneReads === undefined ? {} : { everyoneReads }) };
  const result = loadConfig({ file: 'drover.yaml', text }, manifests, { sha256, ...looks });
  return result.ok ? result.config.warnings : result.diagnostics;
}

const BASE = `version: 1
prometheus: http://127.0.0.1:9090
sources:
  prom: { type: prometheus, url: 'http://127.0.0.1:9090' }
templates:
  web-vm: { cloud: local, command: [./web] }
balancers:
  edge: { type: haproxy, socket: /run/haproxy.sock, backend: web }
receivers:
  am: { format: alertmanager }
notify:
  ops: { slack: { webhook: { file: /run/secrets/slack } } }
groups:
  web:
`;

/** A whole file around lines of a group; what every group needs is added where the lines lack it. */
export function fileAround(lines: string): string {
  const has = (key: string): boolean => new RegExp(`^${key}`, 'm').test(lines);
  const added = [
    ...(has('cloud:') || /^template: [a-z]/m.test(lines) ? [] : ['cloud: local']),
    ...(has('template:') ? [] : ['template: { command: [./web] }']),
    ...(has('max') || /^min: 2$/.test(lines) ? [] : ['max: 10']),
  ];
  return `${BASE}${[...added, ...lines.split('\n')].map((line) => `    ${line}`).join('\n')}\n`;
}
