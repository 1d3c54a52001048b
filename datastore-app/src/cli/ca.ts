import { addOptions } from '@local-datastore/shared/command-line/options';
import { Command } from 'commander';
import { CA_OPTIONS, type StorageOptions, type UserOptions } from '../config.ts';
import { loadAuthority } from '../tls/authority.ts';
import { enterState } from './enter-storage.ts';

/** `datastore-app ca`: prints the built-in authority's certificate, and makes it where there is none yet. */
export function caCommand(): Command {
  const command = new Command('ca').description(
    "Prints the certificate of the built-in authority (serve --tls authority), which goes into EVE's dsCertPEM; " +
      'makes it where there is none yet.',
  );
  addOptions(command, CA_OPTIONS);
  return command.action(async () => {
    const options = command.opts<Pick<StorageOptions, 'state'> & UserOptions>();
    const { certificate } = await loadAuthority(await enterState(options));
    process.stdout.write(certificate);
  });
}
