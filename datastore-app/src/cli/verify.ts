// SPDX-License-Identifier: Apache-2.0
import { addOptions } from '@local-datastore/shared/command-line/options';
import { errorMessage } from '@local-datastore/shared/errors';
import { printableText } from '@local-datastore/shared/text/printable-text';
import { countText } from '@local-datastore/shared/text/quantities';
import { Command } from 'commander';
import { FOLDER_OPTIONS } from '../config.ts';
import { createHasher } from '../content/hasher.ts';
import { fileBelow } from '../images/catalogue.ts';
import type { Verification } from '../images/verification.ts';
import { currentProcess, dropPrivileges } from '../privileges/drop-privileges.ts';
import { createVerificationInbox, type VerificationInbox } from '../scrub/verification-inbox.ts';
import { hashAgain } from '../scrub/verify-file.ts';
import { type StorageOptions, USER_OPTION, type UserOptions } from '../settings/storage-options.ts';
import type { CommandContext } from './command-context.ts';
import { readSettings } from './effective-options.ts';
import { findStorage } from './enter-storage.ts';
import { CorruptionError } from './exit-code.ts';
import { listImages } from './listed-images.ts';

/** `datastore-app images verify`. */
export function verifyCommand({ stdout, stderr, createLog }: CommandContext): Command {
  /** Tells the datastore; who may not write its state still learns from us what is corrupt. */
  async function post(inbox: VerificationInbox, verifications: readonly Verification[]): Promise<void> {
    try {
      await inbox.post(verifications);
    } catch (error) {
      stderr.write(`the datastore cannot be told of it: ${errorMessage(error)}\n`);
    }
  }

  const command = new Command('verify').description(
    'Reads every image again from the disk, and compares with the digest that is known of it. What differs is not served any more, by a datastore that is running too. Exit code 5 on a difference.',
  );
  addOptions(command, [...FOLDER_OPTIONS, USER_OPTION]);
  return command.action(async () => {
    const { user } = readSettings<StorageOptions & UserOptions>(command);
    const storage = await findStorage(command);
    // What the datastore is to read must belong to whom it runs as.
    await dropPrivileges(currentProcess(), user, []);
    const fileOf = fileBelow(storage.root);
    const inbox = createVerificationInbox({ stateDirectory: storage.state });
    const hasher = createHasher({ reading: { isDirect: true, bytesPerSecond: undefined } });
    const corrupt: string[] = [];
    const sound: Verification[] = [];
    try {
      const listed = await listImages(createLog('warn'), storage);
      for (const { path, version, sha256, linkTo } of listed) {
        // The file to which it leads is read at its own place.
        if (linkTo !== undefined) continue;
        const outcome = await hashAgain(
          hasher.hash,
          fileOf(path),
          version,
          sha256 === null ? null : { algorithm: 'sha256', hex: sha256 },
        );
        if (outcome.kind !== 'hashed') {
          const why = outcome.kind === 'changed' ? 'is being written' : outcome.reason;
          stdout.write(`${printableText(path)}: ${why}\n`);
          continue;
        }
        const isCorrupt = sha256 !== null && sha256 !== outcome.hex;
        const verification = { path, version, verified: new Date().toISOString(), isCorrupt };
        if (isCorrupt) {
          corrupt.push(path);
          // At once: a device may be about to ask for it.
          await post(inbox, [verification]);
        } else if (sha256 !== null) sound.push(verification);
        const known = isCorrupt ? 'CORRUPT' : 'ok';
        stdout.write(
          `${outcome.hex}  ${printableText(path)}: ${sha256 === null ? 'was not hashed before' : known}\n`,
        );
      }
    } finally {
      await hasher.stop();
      await post(inbox, sound);
    }
    if (corrupt.length > 0) {
      const message = `${countText(corrupt.length, 'image')} changed on the disk without being written to: ${corrupt.join(', ')}`;
      throw new CorruptionError('IMAGE_CORRUPT', message, { details: { paths: corrupt } });
    }
  });
}
