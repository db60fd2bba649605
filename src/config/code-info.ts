/** The closed list of what can be wrong with a configuration. `drover explain CODE` and the reference come from it. */
export interface CodeInfo {
  readonly severity: 'error' | 'warning';
  readonly title: string;
  /** Why it matters, for somebody who meets it for the first time. */
  readonly explanation: string;
  /** `group`: the lines stand inside a group; `file`: they are the whole file. */
  readonly where: 'group' | 'file';
  /** A piece that has the mistake, and the same piece without it. */
  readonly wrong: string;
  readonly right: string;
}

export const error = (title: string, explanation: string, where: 'group' | 'file', wrong: string, right: string): CodeInfo => ({
  severity: 'error',
  title,
  explanation,
  where,
  wrong,
  right,
});
export const warning = (...parts: Parameters<typeof error>): CodeInfo => ({ ...error(...parts), severity: 'warning' });
