import { addOptions } from '@local-datastore/shared/command-line/options';
import { Command } from 'commander';
import { CA_OPTIONS, type StorageOptions } from '../config.ts';
import { prepareState } from '../images/storage.ts';
import { loadAuthority } from '../tls/authority.ts';

/** `datastore-app ca`: prints the built-in authority's certificate, and makes it where there is none yet. */
export function caCommand(): Command {
  const command = new Command('ca').description(
    "Prints the certificate of the built-in authority (serve --tls authority), which goes into EVE's dsCertPEM; " +
      'makes it where there is none yet.',
  );
  addOptions(command, CA_OPTIONS);
  return command.action(async () => {
    const { state } = command.opts<Pick<StorageOptions, 'state'>>();
    const { certificate } = await loadAuthority(await prepareState(state));
    process.stdout.write(certificate);
  });
}
