/** Commands of prometheus-am-executor as the checks look at them. */
import { child, type YamlNode } from '../../config/tree.ts';
import { entriesOf, type ForeignFile, itemsOf, textAt, textOf } from './foreign-file.ts';

export interface Command {
  readonly node: YamlNode;
  readonly cmd: string;
  readonly cmdNode: YamlNode;
  /** Command and arguments as one text. */
  readonly line: string;
  readonly labels: ReadonlyMap<string, string>;
  readonly ignoresResolved: boolean;
  /** As written; null: SIGKILL, the default. */
  readonly signal: string | null;
  readonly signalNode: YamlNode | undefined;
  /** Commands at once for one alert; 0: no limit. */
  readonly max: number;
}

export function commandsOf(file: ForeignFile): readonly Command[] {
  return itemsOf(child(file.root ?? undefined, 'commands')).flatMap((node): Command[] => {
    const cmdNode = child(node, 'cmd');
    const cmd = textOf(cmdNode);
    if (cmdNode === undefined || cmd === null) return [];
    const args = itemsOf(child(node, 'args')).map((a) => textOf(a) ?? '');
    return [
      {
        node,
        cmd,
        cmdNode,
        line: [cmd, ...args].join(' '),
        labels: entriesOf(child(node, 'match_labels')),
        ignoresResolved: textAt(node, 'ignore_resolved') === 'true',
        signal: textAt(node, 'resolved_signal'),
        signalNode: child(node, 'resolved_signal'),
        max: Math.max(0, Number(textAt(node, 'max') ?? 0) || 0),
      },
    ];
  });
}

/** Every label it asks for is there: labels of the series are not known, and may be. */
export function takes(command: Command, labels: ReadonlyMap<string, string>): boolean {
  return [...command.labels].every(([label, value]) => {
    const known = labels.get(label);
    return known === undefined ? label !== 'alertname' : known === value || known.includes('{{');
  });
}

const SHRINKS = /scale[-_. ]?(?:in|down)\b|scale(?:In|Down)|shrink|destroy|deprovision|(?:remove|delete)[-_. ]?(?:node|linode|vm|server|instance|machine)/i;

/** Its name says that it takes machines away. */
export function shrinks(command: Command): boolean {
  return SHRINKS.test(command.line);
}

/** It looks at the status that it is started with. */
export function looksForResolved(command: Command): boolean {
  return /AMX_STATUS/.test(command.line) && /resolved/.test(command.line);
}
