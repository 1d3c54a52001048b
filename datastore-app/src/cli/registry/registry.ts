import { Command } from 'commander';
import type { CommandContext } from '../command-context.ts';
import { deviceCommand } from './device.ts';
import { tokenCommand } from './token.ts';
import { userCommand } from './user.ts';

/** One file a subcommand. */
const SUBCOMMANDS: readonly ((context: CommandContext) => Command)[] = [
  userCommand,
  deviceCommand,
  tokenCommand,
];

/** `datastore-app registry …`: works on the folders, whether or not the datastore runs. */
export function registryCommand(context: CommandContext): Command {
  const command = new Command('registry').summary('container images, and who may do what with them');
  for (const create of SUBCOMMANDS) command.addCommand(create(context));
  return command;
}
