// SPDX-License-Identifier: Apache-2.0
import { type DescribedCommand, type ValueKind, withCommandsBelow } from './command-table.ts';

/** A word that the shell takes as it is. */
export const quoteForShell = (text: string): string => `'${text.replaceAll("'", String.raw`'\''`)}'`;

/** Of a program, as the name of a function of a shell. */
export const functionName = (program: string): string => `_${program.replace(/\W/g, '_')}`;

function completeValue(value: ValueKind): string {
  switch (value.kind) {
    case 'file':
      return 'compopt -o filenames; COMPREPLY=($(compgen -f -- "$cur"))';
    case 'folder':
      return 'compopt -o filenames; COMPREPLY=($(compgen -d -- "$cur"))';
    case 'choice':
      return `COMPREPLY=($(compgen -W ${quoteForShell(value.choices.join(' '))} -- "$cur"))`;
    case 'any':
      return ':';
  }
}

const pathOf = ({ path }: DescribedCommand) => path.join(' ');

/** What completes the words of a command that are no options. */
function completeWords(command: DescribedCommand): string {
  const names = command.commands.map(({ path }) => path.at(-1));
  if (names.length > 0) return completeValue({ kind: 'choice', choices: [...names, 'help'] as string[] });
  return completeValue(command.arguments[0]?.value ?? { kind: 'any' });
}

/**
 * The completion of a program for bash 4 and later, which needs no package beside it.
 *
 * @returns a script that is sourced, or put where bash-completion looks for it
 */
export function bashCompletion(program: DescribedCommand): string {
  const commands = withCommandsBelow(program);
  const [name = ''] = program.path;
  const call = functionName(name);
  const below = commands.slice(1).map((command) => quoteForShell(pathOf(command)));
  const valued = commands.flatMap((command) =>
    command.options.flatMap(({ names, value }) =>
      value === null ? [] : names.map((each) => ({ word: `${pathOf(command)} ${each}`, value })),
    ),
  );
  const byAction = Map.groupBy(valued, ({ value }) => completeValue(value));
  const lines = [
    `# Completion of ${name} for bash: source <(${name} completion bash)`,
    `${call}() {`,
    "  local IFS=$' \\t\\n'",
    `  local cur=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD-1]}`,
    `  local at=${quoteForShell(name)} i`,
    '  COMPREPLY=()',
    // Of --option=value bash makes three words.
    '  if [[ $cur == = ]]; then cur=',
    `  elif [[ $previous == = ]]; then previous=\${COMP_WORDS[COMP_CWORD-2]}; fi`,
    '  for ((i = 1; i < COMP_CWORD; i++)); do',
    `    case "$at \${COMP_WORDS[i]}" in`,
    ...(valued.length === 0
      ? []
      : [`      ${valued.map(({ word }) => quoteForShell(word)).join('|')}) i=$((i + 1)) ;;`]),
    ...(below.length === 0 ? [] : [`      ${below.join('|')}) at="$at \${COMP_WORDS[i]}" ;;`]),
    '    esac',
    '  done',
    '  case "$at $previous" in',
    ...[...byAction].map(
      ([action, words]) =>
        `    ${words.map(({ word }) => quoteForShell(word)).join('|')}) ${action}; return ;;`,
    ),
    '  esac',
    '  if [[ $cur == -* ]]; then',
    '    case "$at" in',
    ...commands.map((command) => {
      const options = [...command.options.flatMap(({ names }) => names), '--help'];
      const words = completeValue({ kind: 'choice', choices: options });
      return `      ${quoteForShell(pathOf(command))}) ${words} ;;`;
    }),
    '    esac',
    '    return',
    '  fi',
    '  case "$at" in',
    ...commands.map((command) => `    ${quoteForShell(pathOf(command))}) ${completeWords(command)} ;;`),
    '  esac',
    '}',
    `complete -F ${call} ${name}`,
  ];
  return `${lines.join('\n')}\n`;
}
