// SPDX-License-Identifier: Apache-2.0
import { addOptions } from '@local-datastore/shared/command-line/options';
import { jsonText } from '@local-datastore/shared/text/json-text';
import { printableText } from '@local-datastore/shared/text/printable-text';
import { Command } from 'commander';
import { FOLDER_OPTIONS } from '../config.ts';
import { imageWarnings } from '../eve/image-warnings.ts';
import { toListedArtifact } from '../eve/listed-artifact.ts';
import type { ListedImage } from '../eve/listed-image.ts';
import { addImage } from '../images/add-image.ts';
import { findCaseTwins } from '../images/case-twins.ts';
import { imageFilesBelow } from '../images/catalogue.ts';
import { findTwins, type NameForm } from '../images/image-listing.ts';
import { createReleasedImages } from '../images/released-images.ts';
import { ownParser } from '../parsing/run-task.ts';
import {
  SPACE_OPTIONS,
  type SpaceLimits,
  type StorageOptions,
  USER_OPTION,
  type UserOptions,
} from '../settings/storage-options.ts';
import { exportCommand, importCommand } from './bundles.ts';
import type { CommandContext } from './command-context.ts';
import { BY_COMMAND, openCommandRecord } from './command-record.ts';
import { readSettings } from './effective-options.ts';
import { enterStorage, findStorage, placeText } from './enter-storage.ts';
import { imageOperationCommands } from './image-operations.ts';
import { fetchCommand, imageUpstreamsCommand } from './image-upstreams.ts';
import { listArtifacts } from './listed-artifacts.ts';
import { listImages } from './listed-images.ts';
import { openStore } from './offline-store.ts';
import { verifyCommand } from './verify.ts';

/** An image, as it is printed. */
type ListLine = Pick<
  ListedImage,
  | 'path'
  | 'sizeBytes'
  | 'sha256'
  | 'format'
  | 'content'
  | 'virtualSizeBytes'
  | 'warnings'
  | 'artifact'
  | 'isReleased'
> & {
  readonly state?: string;
  readonly linkTo?: string;
  readonly nameForm?: NameForm;
  readonly caseTwin?: string;
};

function listCommand({ stdout, stderr, createLog }: CommandContext): Command {
  const command = new Command('list').description('Lists the images, and the digests that are known.');
  addOptions(command, FOLDER_OPTIONS).option('--json', 'print one JSON document');
  return command.action(async () => {
    const options = readSettings<StorageOptions & { json?: true }>(command);
    const storage = await findStorage(command);
    const { detect } = imageFilesBelow(storage.root, ownParser);
    const images: ListLine[] = [];
    const released = createReleasedImages(storage.root).list();
    // One after another: there may be more of them than files that may be open at once.
    const listed = await listImages(createLog('warn'), storage);
    const paths = listed.map(({ path }) => path);
    const [twins, caseTwins] = [findTwins(paths), findCaseTwins(paths)];
    for (const { path, version, sha256, isCorrupt, linkTo } of listed) {
      const { sizeBytes } = version;
      const { problems, ...described } = await detect(path, sizeBytes);
      const [nameForm, caseTwin] = [twins.get(path), caseTwins.get(path)];
      const warnings = [...imageWarnings({ path, ...described, problems })];
      images.push({
        ...{ path, sizeBytes, sha256, ...described, warnings },
        ...(isCorrupt && { state: 'corrupt' }),
        ...(linkTo !== undefined && { linkTo }),
        ...(nameForm !== undefined && { nameForm }),
        ...(caseTwin !== undefined && { caseTwin }),
        ...(released.has(linkTo ?? path) && { isReleased: true as const }),
      });
    }
    for (const artifact of await listArtifacts(storage.root)) {
      const { path, sizeBytes, sha256, format, content, virtualSizeBytes, ...more } =
        toListedArtifact(artifact);
      const { warnings, artifact: of, isReleased } = more;
      images.push({
        ...{ path, sizeBytes, sha256, format, content, virtualSizeBytes, warnings: [...warnings] },
        ...(of !== undefined && { artifact: of }),
        ...(isReleased && { isReleased }),
      });
    }
    if (options.json === true) {
      stdout.write(jsonText({ images }));
      return;
    }
    if (images.length === 0) stderr.write(`no images in ${placeText(command, 'root')}\n`);
    for (const {
      path,
      sizeBytes,
      sha256,
      content,
      state,
      linkTo,
      nameForm,
      caseTwin,
      isReleased,
      warnings,
    } of images) {
      const marks = [
        ...(isReleased === undefined ? [] : ['  released']),
        ...(state === undefined ? [] : ['  CORRUPT']),
        ...(linkTo === undefined ? [] : [`  -> ${linkTo}`]),
        ...(nameForm === undefined ? [] : [`  (another name looks the same: this one is ${nameForm})`]),
        ...(caseTwin === undefined ? [] : [`  (differs in case alone from ${printableText(caseTwin)})`]),
      ];
      stdout.write(
        `${sha256 ?? '(not hashed yet)'.padEnd(64)}  ${content.padEnd(9)}  ${sizeBytes}  ${printableText(path)}${marks.join('')}\n`,
      );
      for (const { message } of warnings) stderr.write(`${printableText(path)}: ${message}\n`);
    }
  });
}

function addCommand(context: CommandContext): Command {
  const { stdout } = context;
  const command = new Command('add')
    .description('Copies files into the root: each appears there whole or not at all.')
    .argument('<file...>')
    .option('--to <folder>', 'folder below the root (default: the root itself)', '')
    .option('--replace', 'replace images that have these names already');
  addOptions(command, [...FOLDER_OPTIONS, USER_OPTION, ...SPACE_OPTIONS]);
  return command.action(async (files: string[]) => {
    const options = readSettings<StorageOptions & UserOptions & SpaceLimits & { to: string; replace?: true }>(
      command,
    );
    const storage = await enterStorage(options);
    const note = openCommandRecord(context, storage);
    const store = await openStore(storage, options);
    for (const file of files) {
      const added = await addImage(store, file, options.to, options.replace === true);
      const { path, sizeBytes, sha256, isNew } = added;
      note(
        {
          action: isNew ? 'created' : 'replaced',
          ...{ image: path, sizeBytes, digest: `sha256:${sha256}`, ...BY_COMMAND },
        },
        'an image was added',
      );
      stdout.write(`${added.sha256}  ${added.sizeBytes}  /${printableText(added.path)}\n`);
    }
  });
}

/**
 * `datastore-app images …`: list, add, verify, import and export work on the folders, whether or not the datastore runs;
 * `fetch`, `upstreams` and the operations on one image speak to it, or are offline.
 */
export function imagesCommand(context: CommandContext): Command {
  const command = new Command('images')
    .summary('list, add, verify, import, export, fetch, and operations on one image')
    .addCommand(listCommand(context))
    .addCommand(addCommand(context))
    .addCommand(verifyCommand(context))
    .addCommand(importCommand(context))
    .addCommand(exportCommand(context))
    .addCommand(fetchCommand(context))
    .addCommand(imageUpstreamsCommand(context));
  for (const create of imageOperationCommands) command.addCommand(create(context));
  return command;
}
