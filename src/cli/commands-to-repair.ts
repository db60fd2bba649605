import type { Section } from './command-spec.ts';

export const repairSection: Section = {
  title: 'Repair',
  commands: [
    {
      name: 'doctor',
      args: '[file]',
      summary: 'check configuration, state, clouds, balancers, metrics, clocks',
      options: [
        ['--rules <file...>', 'look through a file of Prometheus rules instead; may be given several times'],
        ['--alertmanager <file>', 'with --rules: the configuration of Alertmanager that gets the alerts'],
        ['--prometheus <file>', 'with --rules: the configuration of Prometheus that reads the rules'],
        ['--executor <file>', 'with --rules: the executor.yml of prometheus-am-executor'],
      ],
      about:
        'Only reads. Exit 9 when something fails. Works with and without a running controller. With --rules neither a configuration nor a controller is needed: it warns of what makes a chain of Prometheus, Alertmanager and a script scale wrongly.',
      examples: ['drover doctor', 'drover doctor --rules rules.yml --prometheus prometheus.yml --alertmanager alertManager.yml --executor executor.yml'],
    },
    {
      name: 'explain',
      args: '<field|code>',
      summary: 'what a field, an error code or a reason code means',
      examples: ['drover explain limits.scale_in.after_quiet', 'drover explain E0104', 'drover explain HOLD_QUIET'],
    },
    {
      name: 'metrics list',
      args: '[group]',
      summary: 'newest reading of each metric',
      about: 'With --plain: group, metric, value, age in seconds, state, detail.',
    },
    {
      name: 'metrics test',
      args: '<group> <metric>',
      summary: 'read one metric of a group now',
    },
    {
      name: 'metrics query',
      args: '<source> <query>',
      summary: 'ask a source of the configuration file, from this machine',
      about: 'The query is a text, or JSON with the fields of the source.',
      examples: ["drover metrics query default 'sum(rate(http_requests_total[1m]))'"],
    },
    {
      name: 'config show',
      args: '',
      summary: 'the configuration that runs',
      options: [['--expanded', 'the long form, defaults filled in and marked']],
    },
    {
      name: 'token list',
      args: '',
      summary: 'tokens, without their values',
      about: 'With --plain: id, name, role, created, revoked.',
    },
    {
      name: 'token create',
      args: '<name>',
      summary: 'make a token; its value is printed this once',
      options: [['--role <role>', 'admin, operator, viewer or receiver (default: viewer)']],
    },
    { name: 'token revoke', args: '<id>', summary: 'revoke a token for good' },
    {
      name: 'secret list',
      args: '',
      summary: 'names of the secrets that are kept, never their values',
      about: 'Also those that the configuration asks for and that are not set. With --plain: name, set, version, used by.',
    },
    {
      name: 'secret set',
      args: '<name>',
      summary: 'keep a secret encrypted in the state directory',
      options: [['--from-file <file>', 'take the value from a file']],
      about:
        'The value comes from standard input, or is asked for without being shown; never from the arguments, which others can see. Works with and without a running controller, which reads the new value at its next use.',
      examples: ['drover secret set linode_token < token.txt', 'drover secret set am_token --from-file ./token.txt'],
    },
    {
      name: 'secret remove',
      args: '<name>',
      summary: 'remove a secret that the configuration no longer uses',
      options: [['--force', 'even when the configuration uses it']],
    },
    {
      name: 'secret rotate-key',
      args: '',
      summary: 'encrypt every secret with a new key',
      about: 'Stopped half-way, everything can still be read, and the next call ends it.',
    },
    {
      name: 'audit verify',
      args: '',
      summary: 'walk the hash chain of the events; exit 9 when it is broken',
    },
    {
      name: 'backup',
      args: '[file]',
      summary: 'a consistent copy of the store, while it runs',
      about:
        'A plain name is a file in the backup directory of the controller. A path (with a slash) is a file on this machine, and needs the controller to be on it.',
    },
  ],
};

export const moreSection: Section = {
  title: 'More',
  commands: [
    {
      name: 'emulate linode',
      args: '[command...]',
      summary: "run Linode's API with machines and balancers that are real, without an account",
      options: [
        ['--listen <host:port>', 'where the API listens, loopback only (default: 127.0.0.1:8490)'],
        ['--control <host:port>', 'where faults, loads and the ledger are asked for (default: 127.0.0.1:8491)'],
        ['--network <kind>', 'auto, own, here or loopback (default: auto)'],
        ['--time-factor <n>', 'divides boot times and check intervals, 1 to 1000 (default: 1)'],
        ['--token <token...>', 'a token, with =SCOPES one that may do only this; may be given several times (default: one made at random)'],
        ['--rate-limits <switch>', 'on or off: whether too many calls are refused as Linode does (default: on)'],
        ['--status-words <kind>', 'a node not yet checked is `Unknown` (recorded) or `unknown` (documented) (default: recorded)'],
        ['--scripts <what>', 'keep or run: whether first-boot scripts are only kept, or run on this computer with your rights (default: keep)'],
        ['--boot <duration>', 'time a machine boots, divided by the factor (default: 20s)'],
        ['--app-port <port>', 'where machines serve their application (default: 80)'],
        ['--work <duration>', "a processor's time for one request (default: 5ms)"],
      ],
      about:
        'With a command: runs it beside the emulator with LINODE_URL and LINODE_TOKEN set, and ends with it.\n\nNetworks: own makes a new network namespace, in which machines have addresses as at Linode; here takes the namespace it is in; loopback gives addresses of 127.0.0.0/8. auto is own with a command where that is possible, else loopback.',
      examples: [
        'drover emulate linode --time-factor 10',
        'drover emulate linode --token abc=linodes:read_only,events:read_only',
        'drover emulate linode --network own -- sh -c \'curl -H "Authorization: Bearer $LINODE_TOKEN" $LINODE_URL/v4/profile\'',
      ],
    },
    {
      name: 'emulate proxy',
      args: '',
      summary: 'run the built-in balancer in the foreground',
      options: [
        ['--listen <host:port>', 'where clients come in (default: 127.0.0.1:8080)'],
        ['--admin <host:port>', 'where it is told its members (default: 127.0.0.1:8081)'],
      ],
    },
    {
      name: 'emulate web',
      args: '',
      summary: 'run a small web server that behaves like a machine',
      options: [
        ['--listen <host:port>', 'where it listens (default: 127.0.0.1:8082)'],
        ['--boot <duration>', 'time before it listens (default: none)'],
        ['--work <duration>', 'time one request takes when idle (default: 5ms)'],
        ['--capacity <n>', 'requests it can finish in a second (default: no limit)'],
        ['--name <text>', 'shown in its answers (default: web)'],
      ],
    },
    { name: 'export openapi', args: '', summary: 'the API as an OpenAPI 3.1 document' },
    {
      name: 'export schema',
      args: '',
      summary: 'the configuration as JSON Schema, for editors',
    },
    { name: 'export systemd', args: '', summary: 'a unit for systemd' },
    {
      name: 'export ansible',
      args: '',
      summary: 'the machines as an inventory for Ansible',
      options: [
        ['--list', 'every machine, as an inventory script prints it (this is the default)'],
        ['--host <name>', 'the variables of one machine'],
        ['--group <name>', 'only machines of this group'],
        ['--state <states>', 'only machines in these states, parted by commas, or any (default: serving)'],
      ],
      about:
        'As an inventory script: a file of two lines, executable, `#!/bin/sh` and `exec drover export ansible "$@"`; then `ansible -i FILE drover -m ping`.',
      examples: ['drover export ansible --list', 'drover export ansible --group web --state any > inventory.json'],
    },
    {
      name: 'import am-executor',
      args: '<file>',
      summary: 'a configuration from executor.yml and the script it runs',
      options: [
        ['--group <name>', 'name of the group (default: from the labels the script gives)'],
        ['--cloud <name>', 'cloud of the machines: linode (default: linode)'],
        ['--min <n>', 'never fewer machines (default: 0)'],
        ['--max <n>', 'never more machines; has to be given, since executor.yml has none'],
        ['--script <file>', 'the script, where cmd names a path that is not on this machine'],
        ['--linode-cli <file>', 'configuration of linode-cli, for the region, type and image the script leaves out'],
        ['--region <name>', 'region of the machines, where the script names none'],
        ['--type <name>', 'type of the machines, where the script names none'],
        ['--image <name>', 'image of the machines, where the script names none'],
        ['--nodebalancer <id>', 'id of the NodeBalancer, where the script does not tell'],
        ['--config-id <id>', 'id of its configuration, where the script does not tell'],
        ['--keep-script', 'go on running the script for each new machine, with the AMX_* variables'],
        ['--out <file>', 'write the configuration there; a file that is there is never overwritten'],
      ],
      about: 'Runs nothing and asks nobody: it reads the two files and prints a configuration, with a comment for every line that it did not understand.',
      examples: ['drover import am-executor executor.yml --max 6 --region eu-central --type g6-nanode-1 --image linode/debian12 --out drover.yaml'],
    },
    {
      name: 'completion',
      args: '<shell>',
      summary: 'completion for bash, zsh or fish',
      examples: ['drover completion bash > /etc/bash_completion.d/drover'],
    },
    {
      name: 'version',
      args: '',
      summary: 'version of this program, and of the controller where there is one',
    },
    {
      name: 'help',
      args: '[topic...]',
      summary: 'help on a command',
      options: [['--all', 'every command']],
    },
  ],
};
