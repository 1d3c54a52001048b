// SPDX-License-Identifier: Apache-2.0
import { functionName, quoteForShell } from './bash-completion.ts';
import {
  type DescribedCommand,
  type DescribedOption,
  type ValueKind,
  withCommandsBelow,
} from './command-table.ts';

/** In a specification of `_arguments`, brackets and colons mean something. */
const escaped = (text: string): string => text.replace(/[[\]:\\]/g, String.raw`\$&`);

function action(value: ValueKind): string {
  switch (value.kind) {
    case 'file':
      return '_files';
    case 'folder':
      return '_files -/';
    case 'choice':
      return `(${value.choices.join(' ')})`;
    case 'any':
      return ' ';
  }
}

function optionSpecs({ names, description, value, flags }: DescribedOption): string[] {
  const told = `[${escaped(description)}]`;
  const valueName = /[<[]([\w-]+)/.exec(flags)?.[1] ?? 'value';
  const taken = value === null ? '' : `:${escaped(valueName)}:${action(value)}`;
  // Any option may stand again: the last one counts, or each adds to a list.
  return names.map((name) =>
    quoteForShell(`*${name}${value !== null && name.startsWith('--') ? '=' : ''}${told}${taken}`),
  );
}

const nameOf = ({ path }: DescribedCommand) => functionName(path.join('_'));

function functionOf(command: DescribedCommand): string[] {
  const options = [
    ...command.options.flatMap(optionSpecs),
    quoteForShell('(- *)--help[display help for command]'),
  ];
  const leaf = command.arguments.map(({ term, value }) => {
    const isMany = term.includes('...');
    return quoteForShell(`${isMany ? '*' : ''}:${escaped(term.replace(/[<>[\].]/g, ''))}:${action(value)}`);
  });
  const isGroup = command.commands.length > 0;
  const rest = isGroup ? [quoteForShell('1: :->command'), quoteForShell('*:: :->arguments')] : leaf;
  const specs = [...options, ...rest].map((spec) => `    ${spec}`).join(' \\\n');
  const lines = [`${nameOf(command)}() {`];
  if (isGroup) lines.push('  local state line curcontext="$curcontext"');
  lines.push(`  _arguments -C \\\n${specs}`);
  if (isGroup) {
    const named = command.commands.map(({ path, summary }) =>
      quoteForShell(`${escaped(path.at(-1) ?? '')}:${summary.replaceAll(':', String.raw`\:`)}`),
    );
    lines.push(
      '  case $state in',
      '    command)',
      `      local -a commands=(\n        ${named.join('\n        ')}\n      )`,
      "      _describe -t commands 'command' commands ;;",
      '    arguments)',
      '      case $words[1] in',
      ...command.commands.map((each) => `        ${each.path.at(-1)}) ${nameOf(each)} ;;`),
      '      esac ;;',
      '  esac',
    );
  }
  return [...lines, '}'];
}

/** The completion of a program for zsh: a file `_NAME` of a folder in `fpath`, or to be sourced after `compinit`. */
export function zshCompletion(program: DescribedCommand): string {
  const [name = ''] = program.path;
  const lines = [
    `#compdef ${name}`,
    ...withCommandsBelow(program).flatMap(functionOf),
    // As a file of fpath it is the function itself; sourced, it says whose it is.
    `if [ "$funcstack[1]" = "_${name}" ]; then ${nameOf(program)} "$@"; else compdef ${nameOf(program)} ${name}; fi`,
  ];
  return `${lines.join('\n')}\n`;
}
