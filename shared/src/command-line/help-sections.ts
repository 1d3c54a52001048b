// SPDX-License-Identifier: Apache-2.0
import type { Command } from 'commander';
import { wrapWords } from '../text/wrap-words.ts';
import { exitCodesText } from './exit-codes.ts';

/** A command line, and what it does. */
export interface Example {
  readonly line: string;
  readonly does: string;
}

/** What help and manual page say beside the definitions of the commands. */
export interface HelpSections {
  /** By the command, such as `deploy load`; `''`: the program itself. */
  readonly examples: Readonly<Record<string, readonly Example[]>>;
  /** Where values of options come from. */
  readonly sources: string;
}

/** Adds examples and exit codes to the help of a command and all below it. @param path without the program's name */
export function addHelpSections(
  command: Command,
  sections: HelpSections,
  path: readonly string[] = [],
): Command {
  const examples = sections.examples[path.join(' ')] ?? [];
  command.addHelpText('after', () => {
    const columns = command.configureOutput().getOutHelpWidth?.() ?? Number.POSITIVE_INFINITY;
    return [
      ...(examples.length === 0 ? [] : ['', 'Examples:']),
      // Whole, so that they can be copied.
      ...examples.flatMap(({ line, does }) => [`  # ${does}`, `  ${line}`]),
      '',
      ...wrapWords(`Exit codes: ${exitCodesText()}`, columns),
      ...(path.length === 0 ? wrapWords(sections.sources, columns) : []),
    ].join('\n');
  });
  for (const nested of command.commands) addHelpSections(nested, sections, [...path, nested.name()]);
  return command;
}
