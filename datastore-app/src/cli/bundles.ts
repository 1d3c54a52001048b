// SPDX-License-Identifier: Apache-2.0
import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { addOptions } from '@local-datastore/shared/command-line/options';
import { ConfigurationError, errorMessage, systemErrorCode } from '@local-datastore/shared/errors';
import { printableText } from '@local-datastore/shared/text/printable-text';
import { countText } from '@local-datastore/shared/text/quantities';
import { Command } from 'commander';
import { noteBundled } from '../bundles/note-bundled.ts';
import { FOLDER_OPTIONS } from '../config.ts';
import { areInodesPermanent } from '../content/file-system-type.ts';
import { MAX_IMAGES } from '../images/catalogue.ts';
import { loadImageIndex } from '../images/image-index.ts';
import { createImageOpener } from '../images/open-image.ts';
import { scanImages } from '../images/scan.ts';
import {
  SPACE_OPTIONS,
  type SpaceLimits,
  type StorageOptions,
  USER_OPTION,
  type UserOptions,
} from '../settings/storage-options.ts';
import type { CommandContext } from './command-context.ts';
import { BY_COMMAND, openCommandRecord } from './command-record.ts';
import { readSettings } from './effective-options.ts';
import { enterStorage, findStorage } from './enter-storage.ts';
import { openStore } from './offline-store.ts';
import { writeWhole } from './write-whole.ts';

/** The usual name for stdin and stdout. */
const STANDARD = '-';
const READ_BYTES = 1024 * 1024;

const cannot = (what: string, file: string, error: unknown) =>
  new ConfigurationError(`${file} cannot be ${what}: ${errorMessage(error)}`, { cause: error });

/** `datastore-app images import FILE`. */
export function importCommand(context: CommandContext): Command {
  const command = new Command('import')
    .description('Takes in a tar with images and their SHA256SUMS: all of them, or none.')
    .argument('<file>', 'the tar; - for stdin')
    .option('--replace', 'replace images that have these names already');
  addOptions(command, [...FOLDER_OPTIONS, USER_OPTION, ...SPACE_OPTIONS]);
  return command.action(async (file: string) => {
    const options = readSettings<StorageOptions & UserOptions & SpaceLimits & { replace?: true }>(command);
    const storage = await enterStorage(options);
    const note = openCommandRecord(context, storage);
    const store = await openStore(storage, options);
    const { importBundle } = await import('../bundles/import-bundle.ts');
    const { ownParser } = await import('../parsing/run-task.ts');
    const content = file === STANDARD ? context.input : createReadStream(file, { highWaterMark: READ_BYTES });
    try {
      const images = await importBundle({ store, parser: ownParser }, content, {
        replace: options.replace === true,
      });
      for (const image of images) {
        const { sha256, path, outcome } = image;
        noteBundled(note, image, BY_COMMAND);
        context.stdout.write(`${sha256}  /${printableText(path)}: ${outcome}\n`);
      }
    } catch (error) {
      const code = systemErrorCode(error);
      if (code === 'ENOENT' || code === 'EACCES' || code === 'EISDIR') throw cannot('read', file, error);
      throw error;
    }
  });
}

/** `datastore-app images export FILE [PATH...]`. */
export function exportCommand({ stderr, output, createLog }: CommandContext): Command {
  const command = new Command('export')
    .description('Packs images and their SHA256SUMS into a tar, for `images import` of another datastore.')
    .argument('<file>', 'the tar; - for stdout')
    .argument('[path...]', 'images and folders (default: all images)');
  addOptions(command, FOLDER_OPTIONS);
  return command.action(async (file: string, wanted: string[]) => {
    readSettings(command);
    const { root, state } = await findStorage(command);
    const log = createLog('warn');
    const index = await loadImageIndex(
      { log },
      { stateDirectory: state, areInodesPermanent: await areInodesPermanent(root), isReadOnly: true },
    );
    const { files } = await scanImages(root, MAX_IMAGES, new AbortController().signal);
    const { exportBundle, selectImages } = await import('../bundles/export-bundle.ts');
    const paths = selectImages(
      files.map(({ path }) => path),
      wanted,
    );
    const deps = { openImage: createImageOpener(root), digestOf: index.digestOf };
    if (file === STANDARD) {
      await pipeline(exportBundle(deps, paths), output, { end: false });
      return;
    }
    const folder = await open(dirname(file), 'r').catch((error) => {
      throw cannot('written', file, error);
    });
    await folder.close();
    await writeWhole(file, exportBundle(deps, paths));
    stderr.write(`${countText(paths.length, 'image')} packed into ${printableText(file)}\n`);
  });
}
