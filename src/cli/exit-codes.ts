/** What the exit code of the command tells. Part of the interface: numbers are never given another meaning. */
export const EXIT = {
  ok: 0,
  failed: 1,
  usage: 2,
  invalid: 3,
  notFound: 4,
  notAllowed: 5,
  unreachable: 6,
  refused: 7,
  timedOut: 8,
  problem: 9,
  changes: 10,
  interrupted: 130,
} as const;

export const EXIT_MEANINGS: readonly (readonly [number, string])[] = [
  [EXIT.ok, 'done, or nothing to do'],
  [EXIT.failed, 'failed: a bug of ours, or input and output'],
  [EXIT.usage, 'wrong usage'],
  [EXIT.invalid, 'the configuration is invalid'],
  [EXIT.notFound, 'no such group, instance, decision, token or secret'],
  [EXIT.notAllowed, 'not allowed: the token or its role'],
  [EXIT.unreachable, 'the controller, a cloud or a source of metrics could not be reached'],
  [EXIT.refused, 'refused: needs a confirmation, is protected, or contradicts what is there'],
  [EXIT.timedOut, 'the time given by --wait was over'],
  [EXIT.problem, '`status --check`, `doctor`, `metrics test`, `metrics query` or `audit verify` found a problem'],
  [EXIT.changes, '`plan --exit-code`: there are changes'],
  [EXIT.interrupted, 'interrupted'],
];
