// SPDX-License-Identifier: Apache-2.0
import { Command } from 'commander';
import type { CommandContext } from '../command-context.ts';
import { change } from '../operate.ts';
import { addClientOptions, requireImage } from './datastore-client.ts';
import { requireRepositoryName } from './show-images.ts';

const DRY_RUN = ['--dry-run', 'only say what would happen'] as const;
const QUIET = ['--quiet', 'say only what went wrong'] as const;

/** `datastore-app registry rename NAME NEW`, or `NAME:TAG NEWTAG`. */
export function renameCommand(context: CommandContext): Command {
  const command = new Command('rename')
    .description('Gives a repository, or a tag, another name: nothing answers at the old one.')
    .argument('<name>', 'a repository such as lab/app, or a tag such as lab/app:1.2')
    .argument('<new>', 'of a repository its new name, of a tag its new tag')
    .option(...DRY_RUN)
    .option(...QUIET);
  return addClientOptions(command).action(async (given: string, to: string) => {
    const isTag = given.includes(':');
    const image = isTag ? requireImage(context, given) : undefined;
    const name =
      image === undefined ? requireRepositoryName(context, given) : `${image.repository}:${image.reference}`;
    const wanted = isTag ? to : requireRepositoryName(context, to);
    const { dryRun = false } = command.opts<{ dryRun?: true }>();
    await change(context, command, 'rename', { image: `oci:${name}`, to: wanted, dryRun });
  });
}

/** `datastore-app registry purge NAME`. */
export function purgeCommand(context: CommandContext): Command {
  const command = new Command('purge')
    .description('Removes a repository with all its tags and manifests.')
    .argument('<name>', 'such as lab/app')
    .option(...DRY_RUN)
    .option(...QUIET);
  return addClientOptions(command).action(async (given: string) => {
    const image = `oci:${requireRepositoryName(context, given)}`;
    const { dryRun = false } = command.opts<{ dryRun?: true }>();
    await change(context, command, 'purge', { image, dryRun });
  });
}
