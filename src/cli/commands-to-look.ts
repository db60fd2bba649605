import type { OptionSpec, Section } from './command-spec.ts';

const WATCH: OptionSpec = ['--watch', 'keep showing it, every 2 s'];

export const startSection: Section = {
  title: 'Start',
  commands: [
    {
      name: 'demo',
      args: '',
      summary: 'a live demo on this machine, nothing to set up',
      options: [
        ['--seconds <n>', 'end by itself, after a scripted rise, a killed machine and a fall'],
        ['--report <file>', 'write one HTML file at the end'],
        ['--cloud <kind>', 'local, or linode: an emulated account with a NodeBalancer (default: local)'],
        ['--balancer <kind>', 'of the local cloud: auto, haproxy or proxy (default: auto)'],
      ],
      about: 'With --json it prints one object a line; the last one is the summary.',
    },
    {
      name: 'init',
      args: '',
      summary: 'look around, ask four questions, write drover.yaml',
      options: [
        ['--out <file>', 'where to write (default: drover.yaml)'],
        ['--group <name>', 'name of the group (default: web)'],
        ['--command <line>', 'what starts one machine, as one line'],
        ['--query <promql>', 'what is measured, as a query to Prometheus'],
        ['--prometheus <url>', 'address of Prometheus (default: looked for on this machine)'],
        ['--haproxy <socket>', 'socket of HAProxy (default: looked for on this machine)'],
        ['--backend <name>', 'backend of HAProxy'],
        ['--per-instance <n>', 'comfortable load for one machine'],
        ['--min <n>', 'never fewer machines'],
        ['--max <n>', 'never more machines'],
      ],
      about: 'The file it writes has mode observe: it decides and records, and cannot touch anything. A file that is there is never overwritten.',
    },
    {
      name: 'validate',
      args: '[file...]',
      summary: 'check configuration files, every mistake at once',
      about: 'Exit 3 when one of them is invalid. With --json: diagnostics as editors take them.',
    },
    {
      name: 'plan',
      args: '[file]',
      summary: 'what applying a file would change now; changes nothing',
      options: [['--exit-code', 'exit 10 when there are changes']],
    },
    {
      name: 'apply',
      args: '[file]',
      summary: 'check, plan, write the file and reload; all or nothing',
      about: 'Asks before it changes anything. Where instances would be deleted, the name of the group has to be typed, or given with --confirm.',
      examples: ['drover apply --yes', 'drover apply drover.yaml --confirm web'],
    },
    {
      name: 'serve',
      args: '[file]',
      summary: 'run the controller',
      options: [
        ['--listen <host:port>', 'address of the API, instead of server.listen'],
        ['--last-good', 'start with the last configuration that was good when the file is not'],
        ['--insecure-http', 'allow plain HTTP beyond loopback'],
        ['--log <format>', 'json or text (default: text in a terminal, else json)'],
      ],
      about:
        'SIGTERM and SIGINT end it within 10 s: commits are finished, nothing new is begun, machines and balancers stay as they are. SIGHUP reads the file again.',
    },
  ],
};

export const lookSection: Section = {
  title: 'Look',
  commands: [
    {
      name: 'status',
      args: '[group]',
      summary: 'every group on one screen, or one group closely',
      options: [WATCH, ['--problems', 'only groups that need somebody'], ['--check', 'exit 9 when a group needs somebody, or the newest file is not used']],
      about: 'With --plain: group, state, serving, target, min, max, demand, wanted, running, doing.',
    },
    {
      name: 'why',
      args: '[group|decision]',
      summary: 'the arithmetic of a decision, line by line',
      options: [
        ['--not', 'why nothing (more) is changed, and what comes next'],
        ['--at <time>', 'the decision in force then: 14:32, 2026-11-22T14:32:07Z, or 2h for two hours ago'],
      ],
      examples: ['drover why web', 'drover why web --not', 'drover why web --at 14:32'],
    },
    {
      name: 'history',
      args: '[group]',
      summary: 'decisions, newest first',
      options: [
        ['--since <duration>', 'how far back (default: 24h)'],
        ['--only <outcomes>', 'out, in, replace, blocked, hold; parted by commas (default: all but hold)'],
        ['--limit <n>', 'at most this many (default: 50)'],
      ],
      about: 'With --plain: time, group, outcome, from, target, reason, id, sentence.',
    },
    {
      name: 'events',
      args: '[group]',
      summary: 'what happened, oldest first',
      options: [
        ['--follow', 'go on with new ones as they happen'],
        ['--type <type>', 'only this type'],
        ['--limit <n>', 'at most this many old ones (default: 50)'],
      ],
      about: 'With --plain: number, time, group, type, actor, data.',
    },
    {
      name: 'eval',
      args: '<group>',
      summary: 'evaluate once now; acts never',
      options: [['--set <metric=value...>', 'suppose this reading; may be given several times']],
      examples: ['drover eval web --set rps=1200'],
    },
    {
      name: 'victims',
      args: '<group> [n]',
      summary: 'who would go first if machines were removed now, and why',
    },
  ],
};
