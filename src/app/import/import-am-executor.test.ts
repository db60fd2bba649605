import { describe, expect, it } from 'vitest';
import { checkConfigText } from '../cli-config.ts';
import { type ImportOptions, type ImportResult, importAmExecutor } from './import-am-executor.ts';
import { linodeCliDefaults } from './linode-cli-file.ts';

const EXECUTOR = `listen_address: ":23222"
verbose: yes
commands:
  - cmd: ./scaleOut.sh
    match_labels: { alertname: HighLoad }
    notify_on_failure: false
    resolved_signal: SIGUSR1
`;
/** Of the form that the Spanish document prints. */
const SCRIPT = `#!/bin/bash
echo "=== more ==="
LABEL="nginx-$(cat /proc/sys/kernel/random/uuid | head -c 25)"
# a machine
lin linodes create --root_pass $(openssl rand --base64 32) --tags khw,autoscale --private_ip true --label $LABEL
NBID=4711
CFGID=815
INTERNAL_IP=$(lin linodes ls --format label,ipv4 --text --delimiter ' ' | grep \${LABEL} | cut -f 3 -d ' ')
lin nodebalancers node-create --address $INTERNAL_IP:1234 --label $LABEL $NBID $CFGID
`;
const NONE = { region: null, type: null, image: null };
const PLACE = { region: 'eu-central', type: 'g6-nanode-1', image: 'linode/debian12' };

function run(executor = EXECUTOR, script: string | null = SCRIPT, over: Partial<ImportOptions> = {}): Promise<ImportResult> {
  const options = {
    group: null,
    cloud: 'linode',
    min: null,
    max: 6,
    nodebalancer: null,
    configId: null,
    template: PLACE,
    cli: NONE,
    keepScript: false,
    ...over,
  };
  return importAmExecutor({
    file: { shown: 'executor.yml', text: executor },
    script: async () => (script === null ? null : { shown: 'scaleOut.sh', text: script }),
    options,
  });
}
async function good(...args: Parameters<typeof run>) {
  const result = await run(...args);
  if (!result.ok) throw new Error(result.reasons.join('\n'));
  const read = await checkConfigText(result.text, '/nowhere/drover.yaml', 'drover.yaml', () => true);
  if (!read.ok) throw new Error(`${read.diagnostics.map((d) => `${d.line}: ${d.code} ${d.message}`).join('\n')}\n${result.text}`);
  return { ...result, config: read.config, group: read.config.groups[0] };
}
async function reasons(...args: Parameters<typeof run>): Promise<readonly string[]> {
  const result = await run(...args);
  return result.ok ? [] : result.reasons;
}

describe('the script of the document', () => {
  it('becomes a group that does the same', async () => {
    const { config, group, text, notUnderstood } = await good();
    expect(config.receivers['executor']).toMatchObject({ format: 'alertmanager', auth: 'none', listen: { host: '127.0.0.1', port: 23222 } });
    expect(group).toMatchObject({ name: 'nginx', cloud: 'linode', min: 0, max: 6, naming: { prefix: 'nginx' }, hooks: [], mode: 'act' });
    expect(group?.template.options).toMatchObject({ ...PLACE, root_pass: 'random', tags: ['khw', 'autoscale'], private_ip: true });
    expect(group?.balancers).toMatchObject([{ balancer: 'nodebalancer', port: 1234 }]);
    expect(config.balancers['nodebalancer']).toMatchObject({ driver: 'nodebalancer', options: { nodebalancer: 4711, config_id: 815 } });
    expect(group?.policies).toMatchObject([
      { type: 'alert', options: { alert: 'HighLoad', receiver: 'executor', labels: {}, change: { kind: 'by', count: 1 } } },
    ]);
    expect(notUnderstood).toEqual([]);
    expect(text).toContain('SIGUSR1');
    expect(text).toContain('low-load');
  });

  it('lacks what only a person knows: all of it is said at once', async () => {
    const gaps = SCRIPT.replace('NBID=4711', 'NBID={Id of the NodeBalancer}').replace('CFGID=815', 'CFGID={Id of its configuration}');
    const said = await reasons(EXECUTOR, gaps, { max: null, template: NONE });
    expect(said.map((r) => r.replace(/.*pass (--[a-z-]+).*/, '$1'))).toEqual(['--max', '--region', '--type', '--image', '--nodebalancer', '--config-id']);
    const { config, notUnderstood } = await good(EXECUTOR, gaps, { nodebalancer: '1', configId: '2' });
    expect(config.balancers['nodebalancer']?.options).toMatchObject({ nodebalancer: 1, config_id: 2 });
    expect(notUnderstood).toEqual([]);
  });

  it('takes region, type and image from linode-cli, and nothing else', async () => {
    const ini =
      '[DEFAULT]\ndefault-user = me\n\n[other]\nregion = us-east\n\n[me]\ntoken = 0123canary\nregion = es-mad\ntype = g6-nanode-1\nimage = linode/ubuntu24.04\n';
    expect(linodeCliDefaults(ini)).toEqual({ region: 'es-mad', type: 'g6-nanode-1', image: 'linode/ubuntu24.04' });
    const { group, text } = await good(EXECUTOR, SCRIPT, { template: NONE, cli: linodeCliDefaults(ini) });
    expect(group?.template.options).toMatchObject({ region: 'es-mad', image: 'linode/ubuntu24.04' });
    expect(text).not.toContain('canary');
    expect(linodeCliDefaults('[DEFAULT]\n')).toEqual(NONE);
  });
});

describe('other scripts', () => {
  const create = (flags: string, before = ''): string =>
    `${before}\nlinode-cli linodes create ${flags} --region us-east --type g6-standard-1 --image linode/debian12\n`;

  it('with StackScript, keys, firewall and answers taken apart', async () => {
    const script = `TAGS="web,app_node"
for i in 1 2; do
  ID=$(linode-cli linodes create --json --label="app-$RANDOM" --tags $TAGS --stackscript_id 11 --stackscript_data '{"port":"80"}' --firewall-id 7 \\
    --authorized_users me --region us-east --type g6-standard-1 --image linode/debian12 --root_pass "$ROOT_PASS" | jq -r '.[0].id')
  sleep 30
  IP=$(linode-cli linodes view $ID --json | jq -r '.[0].ipv4[1]')
  linode-cli nodebalancers node-create 12 34 --address "\${IP}:80" --label app-$ID --weight 50
done
`;
    const { group, notUnderstood } = await good(EXECUTOR, script, { template: NONE });
    expect(group?.template.options).toMatchObject({
      tags: ['web', 'app_node'],
      stackscript: { id: 11, data: { port: '80' } },
      firewall_id: 7,
      authorized_users: ['me'],
      root_pass: { env: 'ROOT_PASS' },
      private_ip: true,
      region: 'us-east',
    });
    expect(group?.balancers).toMatchObject([{ port: 80, weight: 50 }]);
    expect(group?.policies[0]?.options).toMatchObject({ change: { kind: 'by', count: 2 } });
    expect(notUnderstood).toEqual([]);
  });

  it('that delete machines shrink the group', async () => {
    const two = `${EXECUTOR}  - { cmd: ./scaleOut.sh, args: [in], match_labels: { alertname: LowLoad, severity: info } }\n`;
    const result = await importAmExecutor({
      file: { shown: 'executor.yml', text: two },
      script: async ({ args }) => ({
        shown: 's',
        text: args.includes('in') ? 'linode-cli nodebalancers node-delete 1 2 $N\nlinode-cli linodes delete $ID' : SCRIPT,
      }),
      options: { group: 'web', cloud: 'linode', min: 2, max: 6, nodebalancer: null, configId: null, template: PLACE, cli: NONE, keepScript: false },
    });
    expect(result.ok && result.text).toContain('alert: "LowLoad", labels: {"severity":"info"}, change: -1');
    expect(result.ok && result.text).not.toContain('# - { name: low-load');
  });

  it('are reported line by line where they are not understood, without their secrets', async () => {
    const script = `${SCRIPT}curl -H "Authorization: Bearer canary-1" -d 'token=canary-2' https://u:canary-3@x/\nexport LINODE_CLI_TOKEN=canary-4\nterraform apply -var password=canary-5\nif [ "$AMX_STATUS" = resolved ]; then exit; fi\nlinode-cli domains create --domain x\n`;
    const { notUnderstood, text, warnings } = await good(EXECUTOR, script);
    expect(notUnderstood.map((n) => n.split(' ').slice(0, 3).join(' '))).toEqual(['line 10: curl', 'line 12: terraform', 'line 13: if', 'line 14: linode-cli']);
    expect(text).not.toContain('canary');
    expect(warnings.join('\n')).toContain('line 13 of the script asks for AMX_STATUS');
  });

  it('with a password in the open: it is never printed', async () => {
    const { group, text, warnings } = await good(EXECUTOR, create('--root_pass canary-9 --label x1'), { template: NONE });
    expect(group?.template.options).toMatchObject({ root_pass: 'random' });
    expect(text + warnings.join('')).not.toContain('canary');
    expect(warnings.join('\n')).toContain('root password in the open');
  });

  it('cannot put anything into the configuration but what it is asked for', async () => {
    const hostile = create("--tags 'ok\n  evil: true' --label x --metadata.user_data $(base64 f) --mystery 1", 'foo "\n# \u2028server: { listen: 0.0.0.0:1 }"');
    const { config, warnings } = await good(EXECUTOR, hostile.replace("'ok\n  evil: true'", 'okay'), { template: NONE });
    expect(config.server.host).toBe('127.0.0.1');
    expect(warnings.filter((w) => w.includes('is left out'))).toHaveLength(2);
  });
});

describe('executor.yml', () => {
  it.each([
    ['commands: []', 'it has no commands'],
    ['', 'it has no commands'],
    ['commands: [{ match_labels: {} }]', 'commands.0.cmd'],
    ['a: [', 'executor.yml is no configuration'],
  ])('%j is refused', async (text, why) => expect((await reasons(text))[0]).toContain(why));

  it('that runs a command for every alert is refused', async () => {
    expect(await reasons(EXECUTOR.replace(/ {4}match_labels.*\n/, ''))).toEqual([expect.stringContaining('runs for every alert')]);
  });

  it.each([
    ['":8080"', '127.0.0.1', 8080],
    ['"localhost:9000"', 'localhost', 9000],
    ['"10.0.0.1:9000"', '127.0.0.1', 9000],
  ])('listen_address %s', async (address, host, port) => {
    const { config } = await good(EXECUTOR.replace('":23222"', address));
    expect(config.receivers['executor']?.listen).toEqual({ host, port });
  });

  it('reports unknown keys, starts equal commands once and tells of a script that is not there', async () => {
    const twice = `${EXECUTOR}    colour: red\n  - { cmd: ./scaleOut.sh, match_labels: { alertname: HighLoad } }\nextra: 1\n`;
    const { group, warnings } = await good(twice);
    expect(group?.policies).toHaveLength(1);
    expect(warnings.filter((w) => w.includes('no key of')).map((w) => w.split(' ')[0])).toEqual(['extra', 'commands[0].colour']);
    expect(await reasons(EXECUTOR, null)).toEqual([expect.stringContaining('cannot be read here: name it with --script FILE')]);
  });
});

describe('the script that stays', () => {
  it('runs for each new machine, with the variables it knows', async () => {
    const { group, text } = await good(EXECUTOR, 'echo "$AMX_LABEL_instance"\n./register-somewhere "$DROVER_ADDRESS"\n', { keepScript: true, group: 'web' });
    expect(group?.hooks).toMatchObject([{ name: 'before_attach', driver: 'exec', options: { command: ['./scaleOut.sh'], amx: true }, onFailure: 'replace' }]);
    expect(text).toContain('line 2: ./register-somewhere');
  });

  it('must not make machines itself', async () => {
    expect(await reasons(EXECUTOR, SCRIPT, { keepScript: true })).toEqual([expect.stringContaining('take lines 5, 9 out of scaleOut.sh')]);
  });
});
