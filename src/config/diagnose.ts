import { describePlace, dotted } from './describe-place.ts';
import { badValue } from './diagnose-value.ts';
import { type Diagnostic, problem } from './diagnostic.ts';
import { fieldsNamed } from './field-index.ts';
import { wanted } from './field-kind.ts';
import { nearest } from './suggest.ts';
import { type Telling, typeAt } from './telling.ts';
import { child, nodeAt, type Path, type Span, type YamlNode } from './tree.ts';
import type { Finding } from './walk.ts';
import { exampleWords, firstLine, printable } from './wording.ts';

export interface Told {
  readonly diagnostics: readonly Diagnostic[];
  /** Keys that were wrong, misspelt or misplaced: what is missing because of them is no mistake of its own. */
  readonly damaged: ReadonlySet<string>;
}

/** Findings put into words; of a file with more, nobody reads the others, and each costs a look at its whole map. */
const MOST_FINDINGS = 300;

/** Turns findings into diagnostics: one for each mistake, none for what only follows from another. */
export function diagnose(found: readonly Finding[], telling: Telling): Told {
  const { diagnostics, rest: findings, damaged } = shifted(found.slice(0, MOST_FINDINGS), telling);
  for (const f of found.slice(MOST_FINDINGS)) damaged.add(String(f.path[f.path.length - 1] ?? ''));
  // A misspelt key makes its right spelling missing: that is one mistake.
  const explained = new Set<string>();
  const misplaced = new Set<string>();
  for (const f of findings) {
    damaged.add(String(f.path[f.path.length - 1] ?? ''));
    if (f.kind !== 'unknown-key') continue;
    const { diagnostic, meant } = unknownKey(f, telling);
    diagnostics.push(diagnostic);
    if (meant !== null) {
      explained.add(dotted([...f.path.slice(0, -1), meant]));
      damaged.add(meant);
    } else if (diagnostic.code === 'E0013') misplaced.add(f.key);
  }
  for (const f of findings) {
    if (f.kind === 'unknown-key') continue;
    if (f.kind === 'missing' && (explained.has(dotted(f.path)) || misplaced.has(f.key))) continue;
    diagnostics.push(one(f, telling));
  }
  return { diagnostics, damaged };
}

/** A map whose fields stand beside it instead of inside: one slip of the indentation, told once. */
function shifted(all: readonly Finding[], telling: Telling): { diagnostics: Diagnostic[]; rest: Finding[]; damaged: Set<string> } {
  const diagnostics: Diagnostic[] = [];
  const damaged = new Set<string>();
  let rest = [...all];
  for (const empty of all) {
    if (empty.kind !== 'empty' || !wanted(empty.schema).includes('map')) continue;
    const parent = empty.path.slice(0, -1);
    const strays = straysBeside(all, parent, telling);
    const [first] = strays;
    if (first === undefined) continue;
    diagnostics.push(
      problem(telling.frame, 'E0013', first.keySpan, {
        message: `\`${printable(first.key)}\` stands beside \`${printable(empty.key)}\`, not inside it`,
        label: `should be indented further than \`${printable(empty.key)}\``,
        help: `indent the fields of \`${printable(empty.key)}\` by two more spaces`,
        second: { span: empty.span, label: 'has nothing inside' },
      }),
    );
    for (const name of [empty.key, ...strays.map((s) => s.key)]) damaged.add(name);
    const inside = (f: Finding): boolean => f === empty || strays.some((s) => dotted(f.path.slice(0, parent.length + 1)) === dotted([...parent, s.key]));
    rest = rest.filter((f) => !inside(f));
  }
  return { diagnostics, rest, damaged };
}

/** Keys of a map that do not belong there. Under `groups` every key is a group's name, so there it is the fields of a group. */
function straysBeside(all: readonly Finding[], parent: Path, telling: Telling): { key: string; keySpan: Span }[] {
  const node = nodeAt(telling.root, parent);
  if (node?.kind !== 'map') return [];
  const unknown = new Set(all.flatMap((f) => (f.kind === 'unknown-key' && dotted(f.path.slice(0, -1)) === dotted(parent) ? [f.key] : [])));
  const inGroups = parent.length === 1 && parent[0] === 'groups';
  return node.entries
    .filter((e) => unknown.has(e.key) || (inGroups && fieldsNamed(e.key, ['groups', '*', 'limits'])?.up === true))
    .map(({ key, keySpan }) => ({ key, keySpan }));
}

function one(f: Exclude<Finding, { kind: 'unknown-key' }>, telling: Telling): Diagnostic {
  const { frame } = telling;
  if (f.kind === 'missing') return missing(f, telling);
  if (f.kind === 'empty') {
    return problem(frame, 'E0019', f.span, {
      message: `\`${f.key}\` has no value`,
      label: 'nothing after the colon',
      help: `write ${wanted(f.schema)}${exampleWords(f.key, f.schema)}, or remove the line`,
    });
  }
  if (f.kind === 'bad-key') {
    return problem(frame, 'E0051', f.keySpan, { message: `\`${printable(f.key)}\` cannot be a name`, label: 'this name', help: f.message });
  }
  return badValue(f, telling);
}

function unknownKey(f: Extract<Finding, { kind: 'unknown-key' }>, { frame, root }: Telling): { diagnostic: Diagnostic; meant: string | null } {
  const parent = f.path.slice(0, -1);
  const place = describePlace(parent, typeAt(root));
  const elsewhere = f.known.includes(f.key) ? null : fieldsNamed(f.key, parent);
  const siblings = child(nodeAt(root, parent), f.key) === undefined ? [] : keysAt(root, parent);
  const near = nearest(
    f.key,
    f.known.filter((k) => !siblings.includes(k)),
  );
  if (elsewhere !== null && (near === null || elsewhere.sure)) {
    const help = elsewhere.up
      ? `indent it less, so that it lines up with the other fields of ${elsewhere.place}`
      : `put it under \`${elsewhere.under}\`: \`${elsewhere.under}: { ${f.key}: … }\``;
    return {
      diagnostic: problem(frame, 'E0013', f.keySpan, {
        message: `\`${f.key}\` does not belong into ${place}`,
        label: `this is a field of ${elsewhere.place}`,
        help,
      }),
      meant: null,
    };
  }
  const known = [...f.known].sort((a, b) => Number(siblings.includes(a)) - Number(siblings.includes(b)));
  return {
    diagnostic: problem(frame, 'E0012', f.keySpan, {
      message: `unknown field \`${printable(f.key)}\` in ${place}`,
      label: near === null ? 'no such field' : `did you mean \`${near}\`?`,
      help: `fields of ${place}: ${known.slice(0, 24).join(', ')}${known.length > 24 ? ', …' : ''}`,
      ...(near === null ? {} : { suggestion: near }),
    }),
    meant: near,
  };
}

function keysAt(root: YamlNode, path: Path): string[] {
  const node = nodeAt(root, path);
  return node?.kind === 'map' ? node.entries.map((e) => e.key) : [];
}

function missing(f: Extract<Finding, { kind: 'missing' }>, { frame, root }: Telling): Diagnostic {
  const parent = f.path.slice(0, -1);
  const span = f.keySpan ?? firstLine(f.node, frame);
  const place = describePlace(parent, typeAt(root));
  if (f.key === 'max' && parent.length === 2 && parent[0] === 'groups') {
    return problem(frame, 'E0101', span, {
      message: `${place} has no \`max\``,
      label: 'how many at most?',
      help: 'add `max: 10`, say. It has no default: it is the most that a broken metric or a typing error can cost you',
    });
  }
  return problem(frame, 'E0011', span, {
    message: `\`${f.key}\` is missing in ${place}`,
    label: `needs \`${f.key}\``,
    help: `add \`${f.key}: …\`: ${wanted(f.schema)}${exampleWords(f.key, f.schema)}`,
  });
}
