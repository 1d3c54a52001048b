// SPDX-License-Identifier: Apache-2.0
import { resolve } from 'node:path';
import { addOptions } from '@local-datastore/shared/command-line/options';
import { ConfigurationError } from '@local-datastore/shared/errors';
import { Command } from 'commander';
import { inspectWriteToken, loadWriteToken } from '../access/write-token.ts';
import { TOKEN_OPTIONS } from '../config.ts';
import type { WriteTokenOptions } from '../settings/access-options.ts';
import type { StorageOptions, UserOptions } from '../settings/storage-options.ts';
import type { CommandContext } from './command-context.ts';
import { readSettings } from './effective-options.ts';
import { enterState, placeText } from './enter-storage.ts';

/** `datastore-app token`: prints the write token. */
export function tokenCommand({ stdout }: CommandContext): Command {
  const command = new Command('token').description(
    'Prints the write token, which PUT, POST and DELETE need. `serve` makes it at its first start.',
  );
  addOptions(command, TOKEN_OPTIONS).option('--create', 'make it where there is none yet');
  return command.action(async () => {
    const options = readSettings<
      Pick<StorageOptions, 'state'> & UserOptions & WriteTokenOptions & { create?: true }
    >(command);
    const given = { token: options.writeToken, tokenFile: options.writeTokenFile };
    const { token } =
      options.create === true
        ? await loadWriteToken({ ...given, stateDirectory: await enterState(options) })
        : await inspectWriteToken({ ...given, stateDirectory: resolve(options.state) });
    if (token === undefined) {
      throw new ConfigurationError(
        `there is no write token yet in ${placeText(command, 'state')}: \`serve\` makes one at its first start. ` +
          'Name the state directory of the datastore with --state, DATASTORE_STATE or --config, or make a token ' +
          'with --create',
      );
    }
    stdout.write(`${token}\n`);
  });
}
