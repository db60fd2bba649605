import type { TemplateLine } from './template.ts';

export interface ImportedPolicy {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly change: number;
}
export interface Imported {
  readonly source: string;
  readonly script: string | null;
  readonly group: string;
  readonly prefix: string;
  readonly min: number;
  readonly max: number;
  readonly minGiven: boolean;
  readonly cloud: string;
  readonly listen: string;
  readonly template: readonly TemplateLine[];
  readonly balancer: { readonly nodebalancer: string; readonly config: string; readonly port: number; readonly weight: number | null } | null;
  readonly policies: readonly ImportedPolicy[];
  /** Command of the script that stays; null: none. */
  readonly keep: readonly string[] | null;
  readonly warnings: readonly string[];
  readonly notUnderstood: readonly string[];
}

const WIDTH = 118;
/** Blanks and whatever else could end a comment. */
const BREAKS = /[\s\p{Cc}\p{Zl}\p{Zp}]+/u;

/** The configuration, with what a reader has to know beside each part. */
export function writeConfig(i: Imported): string {
  const lines = [
    ...comment(
      `Made from ${i.source}${i.script === null ? '' : ` and ${i.script}`} by \`drover import am-executor\`. Check it with \`drover validate\`, then \`drover serve\`.`,
    ),
    ...section('Read this first:', i.warnings),
    ...section('Lines of the script that were not understood, and that nothing here does:', i.notUnderstood),
    'version: 1',
    '',
    '# In place of prometheus-am-executor: Alertmanager posts to the same port. The answer comes at once; the group then goes where it should be.',
    'receivers:',
    `  executor: { format: alertmanager, any_version: true, auth: none, listen: ${JSON.stringify(i.listen)} }`,
    '',
    'clouds:',
    `  ${i.cloud}: { token: { env: LINODE_TOKEN } } # or { file: PATH }; the token needs linodes:read_write and nodebalancers:read_write`,
    ...balancerLines(i),
    '',
    'groups:',
    `  ${i.group}:`,
    '    # mode: observe # decides and records, and touches nothing, until this line is taken out',
    `    cloud: ${i.cloud}`,
    '    template:',
    ...i.template.map((t) => `      ${t.key}: ${t.yaml}${t.comment === null ? '' : ` # ${t.comment}`}`),
    `    naming: { prefix: ${i.prefix} } # the label is this, a dash and 25 characters`,
    ...(i.balancer === null
      ? []
      : [`    balancer: { use: nodebalancer, port: ${i.balancer.port}${i.balancer.weight === null ? '' : `, weight: ${i.balancer.weight}`} }`]),
    `    health: ${i.balancer === null ? 'none # say how to tell that a machine is ready: `/path`, or `tcp`' : 'tcp # a machine joins the NodeBalancer when its port answers; a path such as /healthz is a better check'}`,
    `    min: ${i.min}${i.minGiven ? '' : ' # executor.yml has none; machines made by hand are not counted (`drover instances adopt` takes them in)'}`,
    `    max: ${i.max} # executor.yml has none: there, every repeated notification added a machine`,
    '    policies:',
    ...i.policies.map(policyLine),
    ...scaleInLines(i),
    ...hookLines(i),
  ];
  return `${lines.join('\n')}\n`;
}

function balancerLines({ balancer }: Imported): string[] {
  if (balancer === null) return [];
  return [
    '',
    'balancers:',
    '  nodebalancer:',
    '    token: { env: LINODE_TOKEN }',
    `    nodebalancer: ${balancer.nodebalancer}`,
    `    config_id: ${balancer.config}`,
  ];
}

function policyLine({ name, labels, change }: ImportedPolicy): string {
  const { alertname, ...rest } = labels;
  const match = [
    ...(alertname === undefined ? [] : [`alert: ${JSON.stringify(alertname)}`]),
    ...(Object.keys(rest).length === 0 ? [] : [`labels: ${JSON.stringify(rest)}`]),
  ];
  return `      - { name: ${name}, type: alert, receiver: executor, ${match.join(', ')}, change: ${change > 0 ? '+' : ''}${change}, every: 5m } # once, and again every 5m while it fires`;
}

/** Nothing removes machines yet: say how. */
function scaleInLines(i: Imported): string[] {
  if (i.policies.some((p) => p.change < 0)) return [];
  return [
    '      # Nothing here removes machines, as in executor.yml. An alert of its own does (a resolve never does):',
    '      # - { name: low-load, type: alert, receiver: executor, alert: LowLoad, change: -1, every: 5m }',
  ];
}

function hookLines({ keep }: Imported): string[] {
  if (keep === null) return [];
  return [
    '    hooks:',
    '      # The script, for each new machine before it joins, with the AMX_* variables of the alerts behind its launch and DROVER_ADDRESS.',
    `      before_attach: { exec: { command: ${JSON.stringify(keep)}, amx: true }, timeout: 10m, on_failure: replace }`,
  ];
}

function section(title: string, items: readonly string[]): string[] {
  if (items.length === 0) return ['#'];
  return ['#', ...comment(title), ...items.flatMap((item) => comment(item, '- '))];
}

/** One remark, in lines of comment: whatever came from a file stays behind its `#`. */
function comment(text: string, bullet = ''): string[] {
  const lines: string[] = [];
  let line = `# ${bullet}`;
  for (const word of text.split(BREAKS).filter((w) => w !== '')) {
    if (line.length + word.length > WIDTH && line.length > bullet.length + 2) {
      lines.push(line.trimEnd());
      line = `# ${' '.repeat(bullet.length)}`;
    }
    line += `${word} `;
  }
  return [...lines, line.trimEnd()];
}
