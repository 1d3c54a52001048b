// SPDX-License-Identifier: Apache-2.0
import { resolve } from 'node:path';
import { addOptions } from '@local-datastore/shared/command-line/options';
import { ConfigurationError } from '@local-datastore/shared/errors';
import { Command } from 'commander';
import { STATE_OPTIONS } from '../config.ts';
import type { StorageOptions, UserOptions } from '../settings/storage-options.ts';
import { inspectAuthority, loadAuthority } from '../tls/authority.ts';
import type { CommandContext } from './command-context.ts';
import { readSettings } from './effective-options.ts';
import { enterState, placeText } from './enter-storage.ts';

/** `datastore-app ca`: prints the built-in authority's certificate. */
export function caCommand({ stdout }: CommandContext): Command {
  const command = new Command('ca').description(
    "Prints the certificate of the built-in authority, which goes into EVE's dsCertPEM. " +
      '`serve --tls authority` makes it at its first start.',
  );
  addOptions(command, STATE_OPTIONS).option('--create', 'make it where there is none yet');
  return command.action(async () => {
    const options = readSettings<Pick<StorageOptions, 'state'> & UserOptions & { create?: true }>(command);
    const authority =
      options.create === true
        ? await loadAuthority(await enterState(options))
        : await inspectAuthority(resolve(options.state));
    if (authority === undefined) {
      throw new ConfigurationError(
        `there is no authority yet in ${placeText(command, 'state')}: \`serve --tls authority\` makes one at its ` +
          'first start. Name the state directory of the datastore with --state, DATASTORE_STATE or --config, or ' +
          'make an authority with --create',
      );
    }
    stdout.write(authority.certificate);
  });
}
