import { addOptions } from '@local-datastore/shared/command-line/options';
import { Command } from 'commander';
import { loadWriteToken } from '../access/write-token.ts';
import { type StorageOptions, TOKEN_OPTIONS, type UserOptions, type WriteTokenOptions } from '../config.ts';
import { enterState } from './enter-storage.ts';

/** `datastore-app token`: prints the write token, and makes it where there is none yet. */
export function tokenCommand(): Command {
  const command = new Command('token').description(
    'Prints the write token, which PUT, POST and DELETE need; makes it where there is none yet.',
  );
  addOptions(command, TOKEN_OPTIONS);
  return command.action(async () => {
    const options = command.opts<Pick<StorageOptions, 'state'> & UserOptions & WriteTokenOptions>();
    const { token } = await loadWriteToken({
      token: options.writeToken,
      tokenFile: options.writeTokenFile,
      stateDirectory: await enterState(options),
    });
    process.stdout.write(`${token}\n`);
  });
}
