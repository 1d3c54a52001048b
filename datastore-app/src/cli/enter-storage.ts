// SPDX-License-Identifier: Apache-2.0
import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { ConfigurationError, systemErrorCode } from '@local-datastore/shared/errors';
import type { Command } from 'commander';
import { prepareState, prepareStorage, type Storage } from '../images/storage.ts';
import { currentProcess, dropPrivileges } from '../privileges/drop-privileges.ts';
import type { StorageOptions, UserOptions } from '../settings/storage-options.ts';
import { sourceOfSetting } from './effective-options.ts';

/**
 * Makes the folders where they are missing, and becomes whom the datastore runs as: what a command writes there
 * belongs to that user, who could not read or remove what root left.
 *
 * @throws ConfigurationError
 */
export async function enterStorage(options: StorageOptions & UserOptions): Promise<Storage> {
  const storage = await prepareStorage(options);
  await dropPrivileges(currentProcess(), options.user, [storage.root, storage.state]);
  return storage;
}

/** {@link enterStorage} for the state directory alone. */
export async function enterState(options: Pick<StorageOptions, 'state'> & UserOptions): Promise<string> {
  const state = await prepareState(options.state);
  await dropPrivileges(currentProcess(), options.user, [state]);
  return state;
}

/** How a person finds out where a command looked, such as `--state /s (default)`. */
export function placeText(command: Command, attribute: 'root' | 'state'): string {
  const directory = resolve(command.opts<StorageOptions>()[attribute]);
  return `--${attribute} ${directory} (${sourceOfSetting(command, attribute)})`;
}

/**
 * The folders of a command that only reads: it makes nothing. The state directory need not be there: then
 * nothing is remembered.
 *
 * @throws ConfigurationError naming the root that is not there, and where its name comes from
 */
export async function findStorage(command: Command): Promise<Storage> {
  const options = command.opts<StorageOptions>();
  for (const attribute of ['root', 'state'] as const) {
    const found = await stat(options[attribute]).catch((error) => {
      if (systemErrorCode(error) === 'ENOENT') return undefined;
      throw new ConfigurationError(`${placeText(command, attribute)} cannot be used: ${error.message}`);
    });
    if (found === undefined && attribute === 'root') {
      const advice = 'name the folder of the images with --root, DATASTORE_ROOT or --config';
      throw new ConfigurationError(`${placeText(command, attribute)} does not exist: ${advice}`);
    }
    if (found === undefined) return { root: resolve(options.root), state: resolve(options.state) };
  }
  return prepareStorage(options);
}
