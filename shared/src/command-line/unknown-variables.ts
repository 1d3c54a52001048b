// SPDX-License-Identifier: Apache-2.0
import type { Command } from 'commander';
import { closestTo } from '../text/edit-distance.ts';

const withAllBelow = (command: Command): Command[] => [command, ...command.commands.flatMap(withAllBelow)];

/** The variables of all options of a command and those below it. */
export const variablesOf = (command: Command): ReadonlySet<string> =>
  new Set(withAllBelow(command).flatMap(({ options }) => options.flatMap(({ envVar }) => envVar ?? [])));

/**
 * Which variables look like settings and are none: they would be ignored without a word.
 *
 * @param prefix of all settings, such as `EVE_AGENT_`
 * @param known as {@link variablesOf} tells of the program with all its commands
 * @param names of the environment
 * @param advice what to do where nothing similar is known
 * @returns a sentence for each
 */
export function describeUnknownVariables(
  prefix: string,
  known: ReadonlySet<string>,
  names: readonly string[],
  advice: string,
): string[] {
  const settings = [...known].map((name) => name.slice(prefix.length));
  return names
    .filter((name) => name.startsWith(prefix) && !known.has(name))
    .map((name) => {
      const meant = closestTo(name.slice(prefix.length), settings);
      const told = meant === undefined ? advice : `did you mean ${prefix}${meant}?`;
      return `the variable ${name} is ignored, as no setting has this name: ${told}`;
    });
}
