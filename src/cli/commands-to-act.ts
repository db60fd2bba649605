import type { OptionSpec, Section } from './command-spec.ts';

const REASON: OptionSpec = ['--reason <text>', 'why, for the record'];
const WAIT: OptionSpec = ['--wait <duration>', 'wait until it is done, at most this long (else exit 8)'];

export const actSection: Section = {
  title: 'Act',
  commands: [
    {
      name: 'pause',
      args: '[group]',
      summary: 'hold a group as it is',
      options: [
        ['--all', 'every group: the big red button'],
        ['--for <duration>', 'how long (default: 2h)'],
        ['--until-resumed', 'until `drover resume`'],
        REASON,
      ],
    },
    {
      name: 'resume',
      args: '[group]',
      summary: 'end a pause',
      options: [['--all', 'end the pause of all groups; a group that was paused on its own stays so']],
    },
    {
      name: 'scale',
      args: '<group> [n]',
      summary: 'ask for a size for a while',
      options: [
        ['--for <duration>', 'how long (default: 1h)'],
        ['--until-cleared', 'until --clear'],
        ['--floor', 'at least n'],
        ['--cap', 'at most n'],
        ['--clear', 'end such wishes; with --floor or --cap only that one'],
        REASON,
        WAIT,
      ],
      examples: ['drover scale web 6 --for 1h', 'drover scale web 4 --floor', 'drover scale web --clear'],
    },
    {
      name: 'approve',
      args: '<group> <n>',
      summary: 'approve a change to n machines that needs a person',
      options: [['--for <duration>', 'how long the approval holds (default: 1h)']],
    },
    {
      name: 'instances list',
      args: '[group]',
      summary: 'machines in the books',
      options: [
        ['--gone', 'those that are gone as well'],
        ['--unmanaged <group>', "machines in this group's cloud that are not in the books"],
      ],
      about: 'With --plain: id, group, state, health, address, zone, since, machine, notes. With --unmanaged: id, name, state, address, zone, created, tag.',
    },
    { name: 'instances show', args: '<instance>', summary: 'one machine closely' },
    {
      name: 'instances drain',
      args: '<instance>',
      summary: 'take a machine away: drained, then deleted',
      options: [REASON, WAIT],
    },
    {
      name: 'instances protect',
      args: '<instance>',
      summary: 'protect a machine from every removal',
      options: [['--off', 'end that']],
    },
    {
      name: 'instances standby',
      args: '<instance>',
      summary: 'take a machine out of the balancer and keep it',
      options: [['--off', 'bring it back']],
    },
    {
      name: 'instances replace',
      args: '<instance>',
      summary: 'launch a successor, then take the machine away',
      options: [REASON],
    },
    {
      name: 'instances adopt',
      args: '<group> <machine>',
      summary: 'take an existing machine into the books: it is ours from then on',
    },
    {
      name: 'instances forget',
      args: '<instance>',
      summary: 'strike a machine from the books; the machine is left alone',
    },
    {
      name: 'groups list',
      args: '',
      summary: 'the groups',
      about: 'With --plain: group, cloud, mode, state, serving, target, managed.',
    },
    {
      name: 'groups show',
      args: '<group>',
      summary: 'the configuration of a group, defaults filled in',
    },
    {
      name: 'groups remove',
      args: '<group>',
      summary: 'remove a group that is no longer in the file',
      options: [['--drain', 'delete its machines first; the name has to be typed or given with --confirm']],
    },
    {
      name: 'groups unfreeze',
      args: '<group>',
      summary: 'let a group go on that a failed check has frozen',
    },
  ],
};
