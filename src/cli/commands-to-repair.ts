import type { Section } from './command-spec.ts';

export const repairSection: Section = {
  title: 'Repair',
  commands: [
    {
      name: 'doctor',
      args: '[file]',
      summary: 'check configuration, state, clouds, balancers, metrics, clocks',
      about: 'Only reads. Exit 9 when something fails. Works with and without a running controller.',
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
