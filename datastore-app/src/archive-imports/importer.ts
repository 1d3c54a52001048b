// SPDX-License-Identifier: Apache-2.0
import { createWindowBudget } from '@local-datastore/shared/compression/window-budget';
import { formatDigest, type OciDigest } from '@local-datastore/shared/oci/digest';
import type { Registry } from '../blobs/open-registry.ts';
import type { BlobInfo, OpenBlob, RegistryStore } from '../blobs/registry-store.ts';
import { type NoteChange, registryImage } from '../changes/change.ts';
import { readWholeSource, sourceContent } from '../content/source-content.ts';
import type { FileParser } from '../parsing/file-parser.ts';
import { invalidArchive } from './archive-error.ts';
import {
  type FoundImage,
  type FoundImages,
  ImageFailure,
  type ImportFailure,
  type MissingContent,
} from './archive-image.ts';
import { createBlobIntake } from './blob-intake.ts';
import { decompressed } from './decompressed.ts';
import { findImages } from './find-images.ts';
import { CHUNK_FILE, type ImageSet, parseChunkMark, parseImageSet, SET_FILE } from './image-set.ts';
import { failureOf, missingSentence } from './import-failure.ts';
import { type NamedImage, planNames } from './import-names.ts';
import type { ImportedImage, ImportReport, ImportWish } from './import-report.ts';
import { type ImportCaller, stagingOf } from './import-staging.ts';
import { createNeededBlobs } from './needed-blobs.ts';
import { type PlacedImage, placeImage } from './place-image.ts';
import { requirePlaceable, requirePlatform } from './require-placeable.ts';
import { type TakenArchive, type TakenMember, takeArchive } from './take-archive.ts';

export interface Importer {
  /**
   * Reads an archive of images as it comes, plain or compressed, and names what is whole. What fails spoils its own
   * image alone, but of a set: that is taken as a whole, or not at all.
   *
   * @throws ArchiveError where nothing of the archive can be taken; StoreError where there is no room; ParserUnavailableError
   */
  importArchive(
    content: AsyncIterable<Uint8Array>,
    wish: ImportWish,
    caller: ImportCaller,
  ): Promise<ImportReport>;
  /**
   * Imports images that are at hand elsewhere. As {@link Importer.importArchive}.
   *
   * @param openBlob opens a blob of theirs; undefined: it is not there
   */
  importImages(
    images: FoundImages,
    openBlob: (digest: OciDigest) => Promise<OpenBlob | undefined>,
    wish: ImportWish,
    caller: ImportCaller,
  ): Promise<ImportReport>;
  /** Those of some blobs that an import of the caller would have to bring. */
  findMissing(blobs: readonly BlobInfo[], caller: ImportCaller): Promise<readonly BlobInfo[]>;
}

export interface ImporterDeps {
  readonly note: NoteChange;
  /** What is here, and nothing else. */
  readonly registry: RegistryStore & Pick<Registry, 'recordOf'>;
  /** As clients see it. */
  readonly shown: RegistryStore;
  /** Tells what archives hold. */
  readonly parser: FileParser;
}

/** What archives that come at once may take to be unpacked: one of the largest window, and a large one. */
const UNPACKING_BYTES = 24 * 1024 * 1024;
const NOTHING_OF_SET = 'Nothing of the set was imported: it is taken as a whole.';

/** An image that has been placed, under each of its tags. */
function describeImported(
  { image: { root, others, blobs }, repository }: NamedImage,
  { newBytes: newManifestBytes, tags }: PlacedImage,
  isNew: (digest: string) => boolean,
): ImportedImage[] {
  const documentBytes = [root, ...others].reduce((sum, { bytes }) => sum + bytes.length, 0);
  const sizeBytes = [...blobs.values()].reduce((sum, blob) => sum + blob.sizeBytes, documentBytes);
  const newBytes = [...blobs]
    .filter(([key]) => isNew(key))
    .reduce((sum, [, blob]) => sum + blob.sizeBytes, newManifestBytes);
  return tags.map((tag, i) => ({
    ...{ repository, tag, digest: formatDigest(root.digest), mediaType: root.mediaType, sizeBytes },
    newBytes: i === 0 ? newBytes : 0,
  }));
}

export function createImporter({ note, registry, shown, parser }: ImporterDeps): Importer {
  const intake = createBlobIntake({ store: registry });
  const budget = createWindowBudget(UNPACKING_BYTES);
  const needed = createNeededBlobs({ store: registry, intake });

  async function readStaged(staging: string, digest: OciDigest): Promise<Buffer | undefined> {
    const blob = await registry.openBlob(staging, digest);
    if (blob === undefined) return undefined;
    try {
      return await readWholeSource(blob.source);
    } finally {
      blob.source.close();
    }
  }

  /** Has everything that an image needs in the staging repository. @throws ImageFailure */
  async function requireBlobs(
    { blobs }: FoundImage,
    caller: ImportCaller,
    { damaged }: Pick<TakenArchive, 'damaged'>,
    set: ImageSet | undefined,
  ): Promise<void> {
    const missing: MissingContent[] = [];
    for (const blob of blobs.values()) {
      const key = formatDigest(blob.digest);
      const why = damaged.get(key);
      if (why !== undefined) throw new ImageFailure('DIGEST_MISMATCH', `Its ${key} is damaged: ${why}`);
      const sizeBytes = await needed.gather(blob, caller, set);
      if (sizeBytes === undefined) {
        missing.push({
          digest: key,
          sizeBytes: blob.sizeBytes,
          chunks: await needed.chunksToBring(key, caller, set),
        });
      } else if (sizeBytes !== blob.sizeBytes) {
        throw new ImageFailure(
          'SIZE_MISMATCH',
          `Its ${key} has ${sizeBytes} bytes, and not ${blob.sizeBytes}.`,
        );
      }
    }
    if (missing.length > 0) throw new ImageFailure('CONTENT_MISSING', missingSentence(missing), missing);
  }

  /** How a repository is written where its images come from; undefined: there is none, or it cannot be read. */
  function sourceOf(repository: string): string | undefined {
    try {
      const record = registry.recordOf(repository);
      return record !== undefined && record.manifests.size > 0 ? (record.source ?? repository) : undefined;
    } catch {
      // Its images fail when they are to be placed.
      return undefined;
    }
  }

  /** What images are placed from. */
  interface Placing {
    readonly taken: Pick<TakenArchive, 'blobs' | 'damaged'>;
    readonly set?: ImageSet | undefined;
    readonly wish: ImportWish;
    readonly caller: ImportCaller;
  }

  /** Names what is whole. */
  async function placeAll(
    images: FoundImages,
    { taken, set, wish, caller }: Placing,
  ): Promise<Pick<ImportReport, 'images' | 'failed' | 'notices'>> {
    const staging = stagingOf(caller);
    const plan = planNames(images.found, wish.name, sourceOf);
    const failed: ImportFailure[] = [...images.failed, ...plan.failed];
    const whole: NamedImage[] = [];
    const fail = (named: NamedImage, error: unknown) => {
      const failure = failureOf(`${named.source}:${named.tags[0]}`, error);
      if (failure === undefined) throw error;
      failed.push(failure);
    };
    for (const named of plan.named) {
      try {
        await requirePlaceable({ registry, shown }, named, caller);
        await requireBlobs(named.image, caller, taken, set);
        await requirePlatform(named.image, wish.platforms, (digest) => readStaged(staging, digest));
        whole.push(named);
      } catch (error) {
        fail(named, error);
      }
    }
    const isRefused = set !== undefined && failed.length > 0;
    const imported: ImportedImage[] = [];
    const counted = new Set<string>();
    for (const named of isRefused ? [] : whole) {
      try {
        const placed = await placeImage({ store: registry, shown }, named, staging, caller.subject);
        const isNew = (key: string) => taken.blobs.get(key)?.isNew === true && !counted.has(key);
        const described = describeImported(named, placed, isNew);
        imported.push(...described);
        for (const { repository, tag, digest, sizeBytes } of described) {
          note(
            {
              ...{ action: 'imported', image: registryImage(repository, tag), digest, sizeBytes },
              ...{ by: caller.subject, client: caller.client, via: 'archive' },
            },
            'an image was imported',
          );
        }
        for (const key of named.image.blobs.keys()) counted.add(key);
      } catch (error) {
        fail(named, error);
      }
    }
    const notices = isRefused ? [...plan.notices, NOTHING_OF_SET] : plan.notices;
    return { images: imported, failed, notices };
  }

  return {
    async importArchive(content, wish, caller) {
      const staging = stagingOf(caller);
      const taken = await takeArchive(
        (bytes, named) => intake.take(staging, bytes, named),
        decompressed(content, budget),
        parser,
      );
      const { documents, blobs } = taken;
      const chunk = parseChunkMark(documents.get(CHUNK_FILE) ?? Buffer.alloc(0));
      const set = parseImageSet(documents.get(SET_FILE) ?? Buffer.alloc(0));
      if (documents.has(SET_FILE) && set === undefined) throw invalidArchive(`Its ${SET_FILE} is damaged.`);
      const readBlob = (digest: OciDigest) => readStaged(staging, digest);
      const images = await findImages(taken, readBlob, wish.platforms);
      if (images !== undefined) {
        return { ...(await placeAll(images, { taken, set, wish, caller })), chunk, blobs: blobs.size };
      }
      if (chunk !== undefined && chunk.chunk > 1) {
        return { images: [], failed: [], notices: [], chunk, blobs: blobs.size };
      }
      throw invalidArchive(
        'It holds no container images: neither an image layout (index.json) nor what docker save writes (manifest.json).',
      );
    },

    async importImages(images, openBlob, wish, caller) {
      const staging = stagingOf(caller);
      const blobs = new Map<string, TakenMember>();
      for (const [key, { digest }] of images.found.flatMap((image) => [...image.blobs])) {
        const opened = blobs.has(key) ? undefined : await openBlob(digest);
        if (opened === undefined) continue;
        try {
          const named = { digest, isCertain: true };
          blobs.set(key, { ...(await intake.take(staging, sourceContent(opened.source), named)), offset: 0 });
        } finally {
          opened.source.close();
        }
      }
      const taken = { blobs, damaged: new Map<string, string>() };
      const placed = await placeAll(images, { taken, wish, caller });
      return { ...placed, chunk: undefined, blobs: blobs.size };
    },

    async findMissing(wanted, caller) {
      const missing: BlobInfo[] = [];
      for (const blob of wanted) {
        if ((await needed.gather(blob, caller)) !== blob.sizeBytes) missing.push(blob);
      }
      return missing;
    },
  };
}
