// SPDX-License-Identifier: Apache-2.0
import { lstat, realpath, unlink } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { systemErrorCode } from '@local-datastore/shared/errors';
import type { Log } from '@local-datastore/shared/log';
import { type FileVersion, isSameButChangeTime, versionOf } from '../content/file-version.ts';
import type { Hasher } from '../content/hasher.ts';
import { createInTurn } from '../content/in-turn.ts';
import { createPlacer, type Placer, type PublishOptions } from '../content/placer.ts';
import type { Space } from '../content/space.ts';
import {
  createStaging,
  type ExpectedContent,
  type ExpectedFile,
  incomingDirectoryOf,
  type StagedImage,
} from '../content/staging.ts';
import { inWordsOfTheStore } from '../content/store-error.ts';
import { openImageDirectory } from './image-directory.ts';
import { isImagePath } from './image-path.ts';
import { createNames, type NameOptions } from './names.ts';
import {
  type ChangeOptions,
  makeImageDirectory,
  placeIn,
  removeEmptyDirectories,
  requireImagePath,
  requirePlaceable,
  splitPath,
} from './placing.ts';
import type { Publication, PublishedImage } from './publication.ts';
import { createGroupPublisher, type Placement } from './publish-together.ts';
import { createReleasedImages, type ReleasedImages, requireNotReleased } from './released-images.ts';
import { type RenamedImage, renameImage } from './rename-image.ts';
import { createRenameJournal } from './rename-journal.ts';

/** Takes images into the root and out of it. Whatever happens, an image is there whole or not at all. */
export interface ImageStore {
  /**
   * Writes content beside the images, where nobody sees it, and checks it.
   *
   * @throws StoreError; whatever `content` throws; then nothing is left behind
   */
  stage(content: AsyncIterable<Uint8Array>, expected: ExpectedContent): Promise<StagedImage>;
  /** Checks content that is complete in a file below `incomingDirectory`. @throws StoreError */
  stageFile(file: string, expected: ExpectedFile): Promise<StagedImage>;
  /** Whether an image may come to a path, as far as can be said beforehand. @throws StoreError */
  requirePlaceable(path: string, options: PublishOptions & NameOptions): Promise<void>;
  /** Gives staged content its path; from then on it survives a power cut. @throws StoreError */
  publish(
    staged: StagedImage,
    path: string,
    options: PublishOptions & ChangeOptions & NameOptions,
  ): Promise<PublishedImage>;
  /**
   * Publishes several images, all or none, also over a power cut ({@link recover}).
   *
   * @throws StoreError, whose message names the image
   */
  publishTogether(placements: readonly Placement[], options: PublishOptions): Promise<PublishedImage[]>;
  /** Whether the image at a path has just this content already. @throws StoreError */
  holds(path: string, staged: StagedImage): Promise<boolean>;
  /** Completes, or undoes, what an earlier run was publishing together or renaming when it ended. To be called first. */
  recover(): Promise<void>;
  /** Gives up staged content. */
  discard(staged: StagedImage): Promise<void>;
  /** Removes an image; running downloads of it end well. @returns false when there is none @throws StoreError */
  remove(path: string, options?: ChangeOptions): Promise<boolean>;
  /**
   * Gives an image another path, at which there is nothing.
   *
   * @returns false where there is no image @throws StoreError
   */
  rename(path: string, to: string): Promise<boolean>;
  /**
   * Marks an image so that nobody changes it, or takes the mark away.
   *
   * @param sha256 of its content; undefined: it is let go
   * @returns false where there is no image; to be let go, where there is no mark @throws StoreError
   */
  release(path: string, sha256: string | undefined): Promise<boolean>;
  /** The marks of released images. */
  readonly released: ReleasedImages;
  /**
   * Removes staged content that an earlier run of this program left, and other that nobody has written to for
   * so long.
   *
   * @returns how many files
   */
  collectAbandoned(olderThanMs: number): Promise<number>;
}

export interface ImageStoreDeps {
  readonly space: Space;
  readonly hash: Hasher['hash'];
  /** Hears of images that came, before the caller does. */
  readonly onPublished?: (images: readonly Publication[]) => Promise<void>;
  /** Hears of the path of an image, or of a link to one, that went. */
  readonly onRemoved?: (path: string) => Promise<void>;
  /** Hears of a path that an image left for another. */
  readonly onRenamed?: (renamed: RenamedImage) => Promise<void>;
  /** An image whose path differs from a path in case alone; undefined: there is none, or one at the path itself. */
  readonly caseTwinOf?: (path: string) => string | undefined;
  readonly log?: Log;
  readonly now?: () => number;
  readonly placer?: Placer;
}

export interface ImageStoreOptions {
  /** Without symbolic links. */
  readonly root: string;
  /** Which program this is: what one leaves behind when it is killed, the next of the name removes. */
  readonly owner: string;
}

const isEntry = (entry: string): Promise<boolean> =>
  lstat(entry).then(
    () => true,
    (error) => {
      if (systemErrorCode(error) === 'ENOENT') return false;
      throw error;
    },
  );

/** So long another program may take to publish a bundle that it has checked; beyond it, it is gone. */
const PUBLISHING_MS = 600_000;

export function createImageStore(deps: ImageStoreDeps, { root, owner }: ImageStoreOptions): ImageStore {
  const { now = Date.now, placer = createPlacer() } = deps;
  const incoming = incomingDirectoryOf(root);
  const staging = createStaging({ space: deps.space, hash: deps.hash, now }, { incoming, owner });
  const released = createReleasedImages(root);
  const group = createGroupPublisher({ now, placer, released }, { root, incoming });
  const journal = createRenameJournal({ now }, { root, incoming });
  /**
   * One change of names at a time: a condition must hold until the name is taken, and an image that goes must
   * not take away the folder that another is just coming into.
   */
  const inTurn = createInTurn();
  const names = createNames({
    inTurn,
    caseTwinOf: deps.caseTwinOf ?? (() => undefined),
    isThere: (path) => isEntry(join(root, path)),
  });

  async function recover(olderThanMs: number): Promise<void> {
    const { published, failures } = await inTurn(() => group.recover(olderThanMs));
    if (published.length > 0) await deps.onPublished?.(published);
    for (const reason of failures) {
      deps.log?.error({ reason }, 'a bundle that was cut off could not be completed, and is undone');
    }
    const renames = await inTurn(() => journal.recover(olderThanMs));
    for (const path of renames.left) await deps.onRemoved?.(path);
    for (const reason of renames.failures) {
      deps.log?.error({ reason }, 'a rename that was cut off could not be completed');
    }
  }

  /** @returns whether the path was free, and the version that the image has there */
  async function place(
    { file, version, sha256 }: StagedImage,
    path: string,
    options: PublishOptions & ChangeOptions,
  ): Promise<{ isNew: boolean; version: FileVersion }> {
    options.precondition?.();
    const { folders, name } = splitPath(path);
    const directory = await makeImageDirectory(root, folders);
    try {
      const isThere = await isEntry(directory.entry(name));
      requireNotReleased(released, placeIn(directory, name), { isThere, sha256 });
      const isNew = await placer.place(file, directory.entry(name), options);
      // Its new name moved the change time. What another put there since then is not what was checked.
      const there = await lstat(directory.entry(name), { bigint: true }).then(versionOf, () => version);
      await directory.sync();
      return { isNew, version: isSameButChangeTime(there, version) ? there : version };
    } finally {
      await directory.close();
    }
  }

  async function publish(
    staged: StagedImage,
    path: string,
    options: PublishOptions & ChangeOptions & NameOptions,
  ): Promise<PublishedImage> {
    requireImagePath(path);
    const { sha256 } = staged;
    const { isNew, version } = await names.give([path], options, {
      give: () => place(staged, path, options),
      list: async (placed) => deps.onPublished?.([{ path, version: placed.version, sha256 }]),
    });
    staging.release(staged);
    return { path, sizeBytes: version.sizeBytes, sha256, isNew };
  }

  async function publishTogether(
    placements: readonly Placement[],
    options: PublishOptions,
  ): Promise<PublishedImage[]> {
    const paths = placements.map(({ path }) => path);
    for (const path of paths) requireImagePath(path);
    const { images } = await names.give(
      paths,
      {},
      {
        give: () => group.publish(placements, options),
        list: async ({ publications }) => {
          if (publications.length > 0) await deps.onPublished?.(publications);
        },
      },
    );
    for (const { staged } of placements) staging.release(staged);
    return [...images];
  }

  async function holds(path: string, { version, sha256 }: StagedImage): Promise<boolean> {
    requireImagePath(path);
    const { folders, name } = splitPath(path);
    const directory = await openImageDirectory(root, folders, { create: false });
    if (directory === undefined) return false;
    try {
      const there = await lstat(directory.entry(name), { bigint: true });
      if (!there.isFile() || Number(there.size) !== version.sizeBytes) return false;
      const outcome = await deps.hash(join(root, path), versionOf(there));
      return outcome.kind === 'hashed' && outcome.hex === sha256;
    } catch (error) {
      if (systemErrorCode(error) === 'ENOENT') return false;
      throw error;
    } finally {
      await directory.close();
    }
  }

  /** Whether a link is listed as an image; it alone is removed then. @throws ENOENT where it leads nowhere */
  async function leadsToImage(link: string): Promise<boolean> {
    const file = await realpath(link);
    return isImagePath(relative(root, file)) && (await lstat(file)).isFile();
  }

  async function unlinkImage(path: string, { precondition }: ChangeOptions): Promise<boolean> {
    precondition?.();
    const { folders, name } = splitPath(path);
    const directory = await openImageDirectory(root, folders, { create: false });
    if (directory === undefined) return false;
    try {
      const there = await lstat(directory.entry(name));
      if (!there.isFile() && !(there.isSymbolicLink() && (await leadsToImage(directory.entry(name))))) {
        return false;
      }
      // A link goes without what it leads to.
      if (there.isFile()) requireNotReleased(released, placeIn(directory, name), { isThere: true });
      await unlink(directory.entry(name));
      await directory.sync();
    } catch (error) {
      if (systemErrorCode(error) === 'ENOENT') return false;
      throw error;
    } finally {
      await directory.close();
    }
    await removeEmptyDirectories(root, folders);
    return true;
  }

  async function remove(path: string, options: ChangeOptions): Promise<boolean> {
    if (!isImagePath(path) || !(await inTurn(() => unlinkImage(path, options)))) return false;
    await deps.onRemoved?.(path);
    return true;
  }

  /** @returns the path at which an image really stands; undefined: there is none */
  async function standingPlace(path: string): Promise<string | undefined> {
    if (!isImagePath(path)) return undefined;
    const file = await realpath(join(root, path)).catch(() => undefined);
    const place = file === undefined ? '' : relative(root, file);
    return file !== undefined && isImagePath(place) && (await lstat(file)).isFile() ? place : undefined;
  }

  async function release(path: string, sha256: string | undefined): Promise<boolean> {
    const place = await standingPlace(path);
    // The mark of an image that is gone can be taken away as well.
    if (sha256 === undefined) return released.set(place ?? path, undefined);
    if (place === undefined) return false;
    await released.set(place, { sha256, at: new Date(now()).toISOString() });
    return true;
  }

  async function rename(path: string, to: string): Promise<boolean> {
    if (!isImagePath(path)) return false;
    requireImagePath(to);
    const done = await names.give(
      [to],
      { leaves: path },
      {
        give: () => renameImage({ root, placer, released, journal }, path, to),
        list: async (renamed) => renamed && deps.onRenamed?.(renamed),
      },
    );
    return done !== undefined;
  }

  return {
    released,
    release: (path, sha256) => inWordsOfTheStore(inTurn(() => release(path, sha256))),
    rename: (path, to) => inWordsOfTheStore(rename(path, to)),
    stage: staging.stage,
    stageFile: staging.stageFile,
    discard: staging.discard,
    async requirePlaceable(path, options) {
      await inWordsOfTheStore(requirePlaceable({ root, released }, path, options));
      await inWordsOfTheStore(names.require([path], options));
    },
    publish: (staged, path, options) => inWordsOfTheStore(publish(staged, path, options)),
    publishTogether: (placements, options) => inWordsOfTheStore(publishTogether(placements, options)),
    holds: (path, staged) => inWordsOfTheStore(holds(path, staged)),
    remove: (path, options = {}) => inWordsOfTheStore(remove(path, options)),
    recover: () => recover(0),

    async collectAbandoned(olderThanMs) {
      await recover(PUBLISHING_MS);
      return staging.collect(olderThanMs);
    },
  };
}
