import type { CommandSpec, OptionSpec, Section } from './command-spec.ts';
import { actSection } from './commands-to-act.ts';
import { lookSection, startSection } from './commands-to-look.ts';
import { moreSection, repairSection } from './commands-to-repair.ts';

export type { CommandSpec, OptionSpec, Section };

/** Words that only introduce others. */
export const NOUNS: Readonly<Record<string, string>> = {
  instances: 'single machines',
  groups: 'the groups as such',
  metrics: 'what is measured',
  config: 'the configuration that runs',
  token: 'tokens of the API',
  secret: 'secrets kept encrypted in the state directory',
  audit: 'the chain of events',
  emulate: 'parts to try things with',
  export: 'files for other programs',
  import: 'a configuration from what you have',
};

export const GLOBAL_OPTIONS: readonly OptionSpec[] = [
  ['--json', 'answer as JSON: one document with `schema`, errors too'],
  ['--plain', 'one record a line, fields parted by tabs, no headings, no glyphs'],
  ['--no-color', 'no colours; also NO_COLOR=1, TERM=dumb, or when the output is not a terminal'],
  ['--server <url>', 'the controller to talk to; also DROVER_URL'],
  ['--token-file <file>', 'file with the token to use; the token itself in DROVER_TOKEN'],
  ['--config <file>', 'configuration file; its state directory tells controller and token (default: ./drover.yaml)'],
  ['--context <name>', 'a context of ~/.config/drover/config.yaml'],
  ['--utc', 'times in UTC instead of local time'],
  ['--yes', 'answer yes to questions'],
  ['--no-input', 'never ask; refuse where an answer is needed (exit 7)'],
  ['--confirm <name...>', 'confirm the deletion of instances of this group; may be given several times'],
  ['--timeout <duration>', 'longest wait for one answer (default: 15s)'],
];

/** Everything the program can do; parser, help, completion and reference are made of it. */
export const SECTIONS: readonly Section[] = [startSection, lookSection, actSection, repairSection, moreSection];
export const COMMANDS: readonly CommandSpec[] = SECTIONS.flatMap((s) => s.commands);
