// SPDX-License-Identifier: Apache-2.0
import { Argument, Command } from 'commander';
import { bashCompletion } from './bash-completion.ts';
import type { DescribedCommand } from './command-table.ts';
import { fishCompletion } from './fish-completion.ts';
import { type ManualTexts, manualPage } from './manual-page.ts';
import { zshCompletion } from './zsh-completion.ts';

const COMPLETIONS = { bash: bashCompletion, zsh: zshCompletion, fish: fishCompletion } as const;
export const SHELLS = Object.keys(COMPLETIONS) as (keyof typeof COMPLETIONS)[];

/** What the commands here have of their program. */
export interface ShellCommandDeps {
  readonly stdout: { write(text: string): unknown };
  /** The program with all its commands. */
  describe(): Promise<DescribedCommand>;
}

/** The completion of a program for a shell. */
export const completionFor = (shell: keyof typeof COMPLETIONS, program: DescribedCommand): string =>
  COMPLETIONS[shell](program);

/** The command `completion`. */
export function completionCommand({ stdout, describe }: ShellCommandDeps): Command {
  return new Command('completion')
    .summary('print the completion of its commands and options for a shell')
    .description('Prints a script that completes commands, options and their values in a shell.')
    .addArgument(new Argument('<shell>', `one of ${SHELLS.join(', ')}`).choices(SHELLS))
    .action(async (shell: keyof typeof COMPLETIONS) => {
      stdout.write(completionFor(shell, await describe()));
    });
}

/** The command `man`. */
export function manCommand({ stdout, describe }: ShellCommandDeps, texts: ManualTexts): Command {
  return new Command('man')
    .summary('print the manual page')
    .description('Prints the manual page of all commands in the form of man(1): for "man -l".')
    .action(async () => {
      stdout.write(manualPage(await describe(), texts));
    });
}
