/** Flags as they are typed, and what they do. A flag with `...` may be given several times. */
export type OptionSpec = readonly [flags: string, summary: string];

export interface CommandSpec {
  /** Words as typed, e.g. `instances list`. */
  readonly name: string;
  /** `[x]` may be left out, `<x>` may not, `...` takes several. */
  readonly args: string;
  readonly summary: string;
  readonly options?: readonly OptionSpec[];
  /** More, for the help of this command. */
  readonly about?: string;
  readonly examples?: readonly string[];
}

export interface Section {
  readonly title: string;
  readonly commands: readonly CommandSpec[];
}
