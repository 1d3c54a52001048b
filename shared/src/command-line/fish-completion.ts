// SPDX-License-Identifier: Apache-2.0
import { functionName } from './bash-completion.ts';
import { type DescribedCommand, type ValueKind, withCommandsBelow } from './command-table.ts';

/** In single quotes fish knows two escapes. */
const quote = (text: string): string => `'${text.replace(/['\\]/g, String.raw`\$&`)}'`;

function valueFlags(value: ValueKind): string {
  switch (value.kind) {
    case 'file':
      return '-r -F';
    case 'folder':
      return "-x -a '(__fish_complete_directories)'";
    case 'choice':
      return `-x -a ${quote(value.choices.join(' '))}`;
    case 'any':
      return '-x';
  }
}

/** The completion of a program for fish: a file of `completions`, or `NAME completion fish | source`. */
export function fishCompletion(program: DescribedCommand): string {
  const [name = ''] = program.path;
  const at = `_${functionName(name)}_at`;
  const commands = withCommandsBelow(program);
  const valued = commands.flatMap(({ path, options }) =>
    options.flatMap(({ names, value }) =>
      value === null ? [] : names.map((each) => [...path, each].join(' ')),
    ),
  );
  const below = commands.slice(1).map(({ path }) => path.join(' '));
  const lines = [
    `function ${at}`,
    `  set -l at ${name}`,
    '  set -l skip 0',
    '  for word in (commandline -opc)[2..-1]',
    '    if test $skip = 1',
    '      set skip 0',
    `    else if contains -- "$at $word" ${valued.map(quote).join(' ')}`,
    '      set skip 1',
    `    else if contains -- "$at $word" ${below.map(quote).join(' ')}`,
    '      set at "$at $word"',
    '    end',
    '  end',
    '  test "$at" = "$argv"',
    'end',
    `complete -c ${name} -f`,
    ...commands.flatMap((command) => {
      const where = `complete -c ${name} -n ${quote(`${at} ${command.path.join(' ')}`)}`;
      const first = command.arguments[0]?.value;
      return [
        ...command.commands.map(
          ({ path, summary }) => `${where} -a ${quote(path.at(-1) ?? '')} -d ${quote(summary)}`,
        ),
        ...(first?.kind === 'file' ? [`${where} -F`] : []),
        ...command.options.map(({ names, description, value }) => {
          const flags = names.map((each) =>
            each.startsWith('--') ? `-l ${each.slice(2)}` : `-s ${each.slice(1)}`,
          );
          return `${where} ${flags.join(' ')}${value === null ? '' : ` ${valueFlags(value)}`} -d ${quote(description)}`;
        }),
        `${where} -l help -d 'display help for command'`,
      ];
    }),
  ];
  return `${lines.join('\n')}\n`;
}
