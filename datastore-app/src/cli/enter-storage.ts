import type { StorageOptions, UserOptions } from '../config.ts';
import { prepareState, prepareStorage, type Storage } from '../images/storage.ts';
import { currentProcess, dropPrivileges } from '../privileges/drop-privileges.ts';

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
