// SPDX-License-Identifier: Apache-2.0
import { Command } from 'commander';
import type { CommandContext } from '../command-context.ts';
import { adoptCommand } from './adopt.ts';
import { captureCommand } from './capture.ts';
import {
  deleteCommand,
  gcCommand,
  referCommand,
  releaseCommand,
  tagCommand,
  untagCommand,
  validateCommand,
} from './change-images.ts';
import { createVersionCommand } from './create-version.ts';
import { deviceCommand } from './device.ts';
import { exportCommand } from './export-image.ts';
import { importsCommand } from './imports.ts';
import { inventoryCommand } from './inventory.ts';
import { purgeCommand, renameCommand } from './rename-images.ts';
import { listCommand, showCommand, upstreamsCommand } from './show-images.ts';
import { tokenCommand } from './token.ts';
import { userCommand } from './user.ts';

const SUBCOMMANDS: readonly ((context: CommandContext) => Command)[] = [
  listCommand,
  showCommand,
  tagCommand,
  referCommand,
  untagCommand,
  deleteCommand,
  releaseCommand,
  validateCommand,
  renameCommand,
  purgeCommand,
  gcCommand,
  exportCommand,
  inventoryCommand,
  createVersionCommand,
  adoptCommand,
  captureCommand,
  upstreamsCommand,
  importsCommand,
  userCommand,
  deviceCommand,
  tokenCommand,
];

/** `datastore-app registry …`: images by the datastore that runs; users, devices and tokens in its folders. */
export function registryCommand(context: CommandContext): Command {
  const command = new Command('registry').summary('container images, and who may do what with them');
  for (const create of SUBCOMMANDS) command.addCommand(create(context));
  return command;
}
