import type { Command } from 'commander';

const PREFIX = 'DATASTORE_';

const withoutUnderscores = (name: string) => name.replaceAll('_', '');

/**
 * Which variables look like settings and are none: they would be ignored without a word.
 *
 * @param program with all its commands, whose options say which variables there are
 * @param names of the environment
 * @returns a sentence for each
 */
export function describeUnknownVariables(program: Command, names: readonly string[]): string[] {
  const commands = program.commands.flatMap((command) => [command, ...command.commands]);
  const known = new Set(commands.flatMap(({ options }) => options.flatMap(({ envVar }) => envVar ?? [])));
  return names
    .filter((name) => name.startsWith(PREFIX) && !known.has(name))
    .map((name) => {
      const meant = [...known].find((other) => withoutUnderscores(other) === withoutUnderscores(name));
      const advice = meant === undefined ? 'serve --help lists all there are' : `did you mean ${meant}?`;
      return `the variable ${name} is ignored, as no setting has this name: ${advice}`;
    });
}
