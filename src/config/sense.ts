import type { DriverParts } from './check-drivers.ts';
import type { ErrorCode } from './codes.ts';
import { type Diagnostic, type Frame, type ProblemParts, problem } from './diagnostic.ts';
import type { ManifestRegistry } from './drivers.ts';
import { listWords, nearest } from './suggest.ts';
import { nodeAt, type Path, placeOf, type Span, type YamlNode } from './tree.ts';

/** What the checks of meaning look at. Values are as far as they could be parsed: anything may be absent. */
export interface SenseInput {
  readonly frame: Frame;
  readonly root: YamlNode;
  readonly value: unknown;
  readonly parts: DriverParts;
  readonly registry: ManifestRegistry;
  readonly fileExists: ((path: string) => boolean) | null;
  readonly everyoneReads: ((path: string) => boolean) | null;
  /** Names of the secrets in a state directory (as it is written); null: it cannot be looked at. */
  readonly keptSecrets: ((stateDir: string) => readonly string[] | null) | null;
  /** Keys that are wrong already (see diagnose): what follows from them is not told again. */
  readonly damaged: ReadonlySet<string>;
  /** Groups whose `target` is wrong already. */
  readonly badTargets: ReadonlySet<string>;
}

/** Helpers over one file, gathering diagnostics. */
export class Sense {
  readonly input: SenseInput;
  readonly diagnostics: Diagnostic[] = [];

  constructor(input: SenseInput) {
    this.input = input;
  }

  tell(code: ErrorCode, span: Span, parts: ProblemParts): void {
    this.diagnostics.push(problem(this.input.frame, code, span, parts));
  }

  /** The parsed value at a path; undefined where it was wrong or not there. */
  at(path: Path): unknown {
    let value: unknown = this.input.value;
    for (const key of path) {
      if (value === null || typeof value !== 'object') return undefined;
      value = Object.hasOwn(value, key) ? (value as Record<string | number, unknown>)[key] : undefined;
    }
    return value;
  }

  number(path: Path): number | null {
    const value = this.at(path);
    return typeof value === 'number' ? value : null;
  }

  text(path: Path): string | null {
    const value = this.at(path);
    return typeof value === 'string' ? value : null;
  }

  keys(path: Path): string[] {
    const node = nodeAt(this.input.root, path);
    return node?.kind === 'map' ? node.entries.map((e) => e.key) : [];
  }

  length(path: Path): number {
    const node = nodeAt(this.input.root, path);
    return node?.kind === 'seq' ? node.items.length : 0;
  }

  written(path: Path): boolean {
    return nodeAt(this.input.root, path) !== undefined;
  }

  /** Where the value stands (its key, when the value is a whole map or list). */
  span(path: Path): Span {
    const place = placeOf(this.input.root, path);
    if (place.node !== undefined && place.node.kind === 'scalar' && place.node.span.end > place.node.span.start) return place.valueSpan;
    return place.keySpan ?? place.valueSpan;
  }

  key(path: Path): Span {
    return placeOf(this.input.root, path).keySpan ?? this.span(path);
  }

  hurt(...keys: readonly string[]): boolean {
    return keys.some((k) => this.input.damaged.has(k));
  }

  /** A name that should be one of `known`. */
  unknownName(
    code: ErrorCode,
    path: Path,
    word: string,
    known: readonly string[],
    words: { readonly what: string; readonly declare: string },
    at?: Span,
  ): void {
    if (known.includes(word)) {
      this.tell(code, at ?? this.span(path), {
        message: `${words.what} \`${word}\` is not declared, and it does not work without options`,
        label: 'needs options',
        help: words.declare,
      });
      return;
    }
    const near = nearest(word, known);
    this.tell(code, at ?? this.span(path), {
      message: `there is no ${words.what} \`${word.length > 80 ? `${word.slice(0, 77)}…` : word}\``,
      label: near === null ? 'not known' : `did you mean \`${near}\`?`,
      help: known.length === 0 ? words.declare : `known: ${listWords(known, 20)}; or ${words.declare}`,
      ...(near === null ? {} : { suggestion: near }),
    });
  }
}
