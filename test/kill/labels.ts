/** Every place where the process may be killed, as the source has it; labels.test.ts holds the two together. */
const SEAMS = ['before-intent', 'before-call', 'after-call', 'after-result'] as const;

/** From launch to service, and from service to the end: the steps of one machine in their order. */
export const WAY_IN = ['create', 'hook-before-attach', 'attach'] as const;
export const WAY_OUT = ['drain', 'hook-before-delete', 'detach', 'delete'] as const;

const seamsOf = (kinds: readonly string[]): readonly string[] => kinds.flatMap((kind) => SEAMS.map((seam) => `${kind}:${seam}`));

export const ANY_TIME = ['cycle:observed', 'store:before-commit', 'store:after-commit'] as const;
export const CONTROL = ['control:before', 'control:after'] as const;
export const LABELS: readonly string[] = [...seamsOf(WAY_IN), ...seamsOf(WAY_OUT), ...ANY_TIME, ...CONTROL];

/** Crash points that count only after another one was passed: in the very commit of an order, before and after it is durable, and ... */
export const IN_TURN: readonly string[] = [
  'control:before>store:before-commit',
  'control:before>store:after-commit',
  // ... when somebody sends a machine away that is just joining the balancer: its entry there is in no book.
  'attach:before-call>control:after',
];
/** Where the fate of a launch is open: before, while and after the cloud makes the machine. */
export const LAUNCH_OPEN: readonly string[] = ['create:before-call', 'create:before-call>cycle:observed', 'create:after-call'];
/** Everywhere a controller is killed. */
export const POINTS: readonly string[] = [...LABELS, ...IN_TURN];

/**
 * Where a controller that was killed at `label` surely comes by while it takes up the work: what is left of the way of that machine,
 * and what every start does. A control order is not repeated by anyone.
 */
export function ahead(label: string): readonly string[] {
  const [kind = '', seam = ''] = label.slice(label.indexOf('>') + 1).split(':');
  for (const way of [WAY_IN, WAY_OUT] as const) {
    const at = (way as readonly string[]).indexOf(kind);
    if (at < 0) continue;
    // A call whose end was not written is made again, except a delete that already worked and a create that the list already shows.
    const again = seam.startsWith('before') || (kind !== 'delete' && kind !== 'create' && seam === 'after-call');
    return [...seamsOf(way.slice(again ? at : at + 1)), ...ANY_TIME];
  }
  return ANY_TIME;
}
