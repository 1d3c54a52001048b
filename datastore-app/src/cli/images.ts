import { addOptions } from '@local-datastore/shared/command-line/options';
import { CodedError } from '@local-datastore/shared/errors';
import { createLog, type Log } from '@local-datastore/shared/log';
import { Command } from 'commander';
import {
  SPACE_OPTIONS,
  type SpaceLimits,
  STORAGE_OPTIONS,
  type StorageOptions,
  USER_OPTION,
  type UserOptions,
} from '../config.ts';
import { addImage } from '../images/add-image.ts';
import { imageFilesBelow, MAX_IMAGES } from '../images/catalogue.ts';
import { createHasher } from '../images/hasher.ts';
import { loadImageIndex } from '../images/image-index.ts';
import { type ScannedFile, scanImages } from '../images/scan.ts';
import { prepareStorage, type Storage } from '../images/storage.ts';
import { currentProcess, dropPrivileges } from '../privileges/drop-privileges.ts';
import { exportCommand, importCommand } from './bundles.ts';
import { openStore } from './offline-store.ts';

/** Files whose content changed although nothing else did. Exit code 5. */
export class CorruptionError extends CodedError<'IMAGE_CORRUPT'> {}

interface Listed extends ScannedFile {
  readonly sha256: string | null;
}

async function listImages(log: Log, { root, state }: Storage): Promise<Listed[]> {
  const index = await loadImageIndex({ log }, { stateDirectory: state, isReadOnly: true });
  const { files } = await scanImages(root, MAX_IMAGES, new AbortController().signal);
  return files.map((file) => ({ ...file, sha256: index.digestOf(file.path, file.version) ?? null }));
}

function listCommand(): Command {
  const command = new Command('list').description('Lists the images, and the digests that are known.');
  addOptions(command, STORAGE_OPTIONS).option('--json', 'print one JSON document');
  return command.action(async () => {
    const options = command.opts<StorageOptions & { json?: true }>();
    const storage = await prepareStorage(options);
    const { detect } = imageFilesBelow(storage.root);
    const images = [];
    // One after another: there may be more of them than files that may be open at once.
    for (const { path, version, sha256 } of await listImages(createLog('datastore-app', 'warn'), storage)) {
      const { sizeBytes } = version;
      images.push({ path, sizeBytes, sha256, ...(await detect(path, sizeBytes)) });
    }
    if (options.json === true) {
      process.stdout.write(`${JSON.stringify({ images }, null, 2)}\n`);
      return;
    }
    for (const { path, sizeBytes, sha256, format } of images) {
      process.stdout.write(
        `${sha256 ?? '(not hashed yet)'.padEnd(64)}  ${format.padEnd(9)}  ${sizeBytes}  ${path}\n`,
      );
    }
  });
}

function addCommand(): Command {
  const command = new Command('add')
    .description('Copies files into the root: each appears there whole or not at all.')
    .argument('<file...>')
    .option('--to <folder>', 'folder below the root (default: the root itself)', '')
    .option('--replace', 'replace images that have these names already');
  addOptions(command, [...STORAGE_OPTIONS, USER_OPTION, ...SPACE_OPTIONS]);
  return command.action(async (files: string[]) => {
    const options = command.opts<
      StorageOptions & UserOptions & SpaceLimits & { to: string; replace?: true }
    >();
    const storage = await prepareStorage(options);
    // What is added belongs to whom the datastore runs as.
    await dropPrivileges(currentProcess(), options.user, [storage.root, storage.state]);
    const store = await openStore(storage, options);
    for (const file of files) {
      const added = await addImage(store, file, options.to, options.replace === true);
      process.stdout.write(`${added.sha256}  ${added.sizeBytes}  /${added.path}\n`);
    }
  });
}

function verifyCommand(): Command {
  const command = new Command('verify').description(
    'Hashes every image again, and compares with the digest that is known of it. Exit code 5 on a difference.',
  );
  addOptions(command, STORAGE_OPTIONS);
  return command.action(async () => {
    const storage = await prepareStorage(command.opts<StorageOptions>());
    const { fileOf } = imageFilesBelow(storage.root);
    const hasher = createHasher();
    const corrupt: string[] = [];
    try {
      for (const { path, version, sha256 } of await listImages(createLog('datastore-app', 'warn'), storage)) {
        const outcome = await hasher.hash(fileOf(path), version);
        if (outcome.kind !== 'hashed') {
          process.stdout.write(
            `${path}: ${outcome.kind === 'changed' ? 'is being written' : outcome.reason}\n`,
          );
          continue;
        }
        const known = sha256 === outcome.sha256 ? 'ok' : 'CORRUPT';
        const verdict = sha256 === null ? 'was not hashed before' : known;
        if (verdict === 'CORRUPT') corrupt.push(path);
        process.stdout.write(`${outcome.sha256}  ${path}: ${verdict}\n`);
      }
    } finally {
      await hasher.stop();
    }
    if (corrupt.length > 0) {
      const message = `${corrupt.length} image(s) changed on the disk without being written to: ${corrupt.join(', ')}`;
      throw new CorruptionError('IMAGE_CORRUPT', message, { details: { paths: corrupt } });
    }
  });
}

/** `datastore-app images list|add|verify|import|export`: work on the folders, whether or not the datastore runs. */
export function imagesCommand(): Command {
  return new Command('images')
    .summary('list, add, verify, import and export images')
    .addCommand(listCommand())
    .addCommand(addCommand())
    .addCommand(verifyCommand())
    .addCommand(importCommand())
    .addCommand(exportCommand());
}
