import { COMMANDS, type CommandSpec, GLOBAL_OPTIONS, NOUNS, type OptionSpec } from './command-table.ts';

export const SHELLS = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof SHELLS)[number];

const flagOf = ([flags]: OptionSpec): string => flags.split(' ')[0] ?? '';
const takesValue = ([flags]: OptionSpec): boolean => flags.includes('<');
const firstWords = (): string[] => [...new Set(COMMANDS.map((c) => c.name.split(' ')[0] ?? ''))];
const under = (noun: string): CommandSpec[] => COMMANDS.filter((c) => c.name.startsWith(`${noun} `));
const summaryOf = (word: string): string => NOUNS[word] ?? COMMANDS.find((c) => c.name === word)?.summary ?? '';
/** Commands whose first argument is a group. */
const onGroups = (): CommandSpec[] => COMMANDS.filter((c) => /^[<[]group/.test(c.args));
/** Names of groups come from the controller; without one there are none, in silence. */
const GROUPS = 'drover groups list --plain --timeout 1s 2>/dev/null | cut -f1';

/** The script that teaches a shell our commands and options. */
export function completionScript(shell: Shell): string {
  return { bash, zsh, fish }[shell]();
}

function cases(line: (key: string, words: readonly string[]) => string): string {
  const options = COMMANDS.map((c) => line(c.name, [...(c.options ?? []), ...GLOBAL_OPTIONS].map(flagOf)));
  return options.join('\n');
}

function bash(): string {
  const nouns = Object.keys(NOUNS);
  const valued = [...new Set([...COMMANDS.flatMap((c) => c.options ?? []), ...GLOBAL_OPTIONS].filter(takesValue).map(flagOf))];
  return `# bash completion of drover
_drover() {
  local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD-1]} word path='' n=0 skip=''
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    if [ -n "$skip" ]; then skip=''; continue; fi
    case $word in
      ${valued.join('|')}) skip=1 ;;
      -*) ;;
      *) n=$((n+1)); case $n in
           1) path=$word ;;
           2) case $path in ${nouns.join('|')}) path="$path $word" ;; esac ;;
         esac ;;
    esac
  done
  case $prev in
    --config|--token-file|--out|--report) COMPREPLY=($(compgen -f -- "$cur")); return ;;
    ${valued.join('|')}) return ;;
  esac
  if [[ $cur == -* ]]; then
    local flags='${GLOBAL_OPTIONS.map(flagOf).join(' ')}'
    case $path in
${cases((key, words) => `      '${key}') flags='${words.join(' ')}' ;;`)}
    esac
    COMPREPLY=($(compgen -W "$flags" -- "$cur")); return
  fi
  case $path in
    '') COMPREPLY=($(compgen -W '${firstWords().join(' ')}' -- "$cur")) ;;
${nouns
  .map(
    (n) =>
      `    '${n}') COMPREPLY=($(compgen -W '${under(n)
        .map((c) => c.name.split(' ')[1])
        .join(' ')}' -- "$cur")) ;;`,
  )
  .join('\n')}
    ${onGroups()
      .map((c) => `'${c.name}'`)
      .join('|')}) COMPREPLY=($(compgen -W "$(${GROUPS})" -- "$cur")) ;;
    completion) COMPREPLY=($(compgen -W '${SHELLS.join(' ')}' -- "$cur")) ;;
    *) COMPREPLY=($(compgen -f -- "$cur")) ;;
  esac
}
complete -o filenames -F _drover drover
`;
}

const single = (text: string): string => text.replaceAll("'", "'\\''");

function zsh(): string {
  const described = (pairs: readonly (readonly [string, string])[]): string =>
    pairs.map(([w, s]) => `'${single(`${w.replaceAll(':', '\\:')}:${s}`)}'`).join(' ');
  const flags = (options: readonly OptionSpec[]): string => described(options.map((o) => [flagOf(o), o[1]]));
  return `#compdef drover
_drover() {
  local -a words_ flags_
  local word path='' n=0
  for word in "\${(@)words[2,CURRENT-1]}"; do
    case $word in
      -*) ;;
      *) n=$((n+1)); case $n in
           1) path=$word ;;
           2) case $path in ${Object.keys(NOUNS).join('|')}) path="$path $word" ;; esac ;;
         esac ;;
    esac
  done
  if [[ $words[CURRENT] == -* ]]; then
    flags_=(${flags(GLOBAL_OPTIONS)})
    case $path in
${COMMANDS.filter((c) => (c.options ?? []).length > 0)
  .map((c) => `      '${c.name}') flags_+=(${flags(c.options ?? [])}) ;;`)
  .join('\n')}
    esac
    _describe option flags_; return
  fi
  case $path in
    '') words_=(${described(firstWords().map((w) => [w, summaryOf(w)]))}); _describe command words_ ;;
${Object.keys(NOUNS)
  .map((n) => `    '${n}') words_=(${described(under(n).map((c) => [c.name.split(' ')[1] ?? '', c.summary]))}); _describe command words_ ;;`)
  .join('\n')}
    ${onGroups()
      .map((c) => `'${c.name}'`)
      .join('|')}) words_=(\${(f)"$(${GROUPS})"}); _describe group words_ ;;
    completion) _values shell ${SHELLS.join(' ')} ;;
    *) _files ;;
  esac
}
if [ "$funcstack[1]" = _drover ]; then _drover "$@"; else compdef _drover drover; fi
`;
}

function fish(): string {
  const out = ['# fish completion of drover', 'complete -c drover -f'];
  const option = (condition: string, spec: OptionSpec): string =>
    `complete -c drover${condition} -l ${flagOf(spec).slice(2)}${takesValue(spec) ? ' -r' : ''} -d '${single(spec[1])}'`;
  for (const spec of GLOBAL_OPTIONS) out.push(option('', spec));
  for (const word of firstWords()) out.push(`complete -c drover -n __fish_use_subcommand -a ${word} -d '${single(summaryOf(word))}'`);
  for (const c of COMMANDS) {
    const [first = '', second] = c.name.split(' ');
    const seen =
      second === undefined ? `__fish_seen_subcommand_from ${first}` : `__fish_seen_subcommand_from ${first}; and __fish_seen_subcommand_from ${second}`;
    if (second !== undefined) {
      const others = under(first).map((o) => o.name.split(' ')[1] ?? '');
      out.push(
        `complete -c drover -n '__fish_seen_subcommand_from ${first}; and not __fish_seen_subcommand_from ${others.join(' ')}' -a ${second} -d '${single(c.summary)}'`,
      );
    }
    for (const spec of c.options ?? []) out.push(option(` -n '${seen}'`, spec));
    if (onGroups().includes(c)) out.push(`complete -c drover -n '${seen}' -a '(${GROUPS})'`);
  }
  out.push(`complete -c drover -n '__fish_seen_subcommand_from completion' -a '${SHELLS.join(' ')}'`);
  return `${out.join('\n')}\n`;
}
