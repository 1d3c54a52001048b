import { errorMessage } from '@local-datastore/shared/errors';
import type { Log } from '@local-datastore/shared/log';
import { formatDigest, type OciDigest } from '@local-datastore/shared/oci/digest';
import { INDEX_FILE, LAYOUT_FILE } from '@local-datastore/shared/oci/image-archive';
import { MAX_MANIFEST_BYTES, ManifestError } from '@local-datastore/shared/oci/manifest';
import type { WantedPlatform } from '@local-datastore/shared/oci/platform';
import type { Registry } from '../blobs/open-registry.ts';
import { RegistryError } from '../blobs/registry-error.ts';
import type { BlobInfo, RegistryStore } from '../blobs/registry-store.ts';
import { readWholeSource } from '../content/source-content.ts';
import { StoreError } from '../content/store-error.ts';
import { SAVED_FILE, savedEntries } from '../formats/container/docker-archive.ts';
import { isLayoutMark, layoutEntries } from '../formats/container/oci-archive.ts';
import { createBlobIntake } from './blob-intake.ts';
import { decompressed } from './decompressed.ts';
import {
  type FoundImage,
  ImageFailure,
  type ImportFailure,
  type ImportFailureCode,
  type MissingContent,
} from './found-images.ts';
import {
  CHUNK_FILE,
  type ChunkMark,
  type ImageSet,
  parseChunkMark,
  parseImageSet,
  SET_FILE,
} from './image-set.ts';
import { invalidArchive } from './import-error.ts';
import { type NamedImage, planNames, type WantedName } from './import-names.ts';
import { type ImportCaller, stagingOf } from './import-staging.ts';
import { findLayoutImages } from './layout-images.ts';
import { chunksWith, createNeededBlobs } from './needed-blobs.ts';
import { placeImage } from './place-image.ts';
import { findSavedImages } from './saved-images.ts';
import { type TakenArchive, takeArchive } from './take-archive.ts';

export interface ImportWish {
  /** undefined: images are called as the archive calls them. */
  readonly name: WantedName | undefined;
  /** Of an index: these alone; none: all that the archive has. */
  readonly platforms: readonly WantedPlatform[];
}

/** An image under one of its names. */
export interface ImportedImage {
  readonly repository: string;
  readonly tag: string;
  readonly digest: string;
  readonly mediaType: string;
  /** Of all that it leads to, and what refers to it; each once. */
  readonly sizeBytes: number;
  /** Of that, what was not here before, as far as no other image of the report counts it. */
  readonly newBytes: number;
}

/** What came of an import. */
export interface ImportReport {
  readonly images: readonly ImportedImage[];
  readonly failed: readonly ImportFailure[];
  /** What a person should know, as sentences. */
  readonly notices: readonly string[];
  /** Of a chunk: which one of which set. */
  readonly chunk: ChunkMark | undefined;
  /** Blobs that the archive brought, whether or not they were here before. */
  readonly blobs: number;
}

export interface Importer {
  /**
   * Reads an archive of images as it comes, plain or compressed, and names what is whole. What fails spoils its own
   * image alone, but of a set: that is taken as a whole, or not at all.
   *
   * @throws ImportError where nothing of the archive can be taken; StoreError where there is no room
   */
  importArchive(
    content: AsyncIterable<Uint8Array>,
    wish: ImportWish,
    caller: ImportCaller,
  ): Promise<ImportReport>;
  /** Those of some blobs that an import of the caller would have to bring. */
  findMissing(blobs: readonly BlobInfo[], caller: ImportCaller): Promise<readonly BlobInfo[]>;
}

export interface ImporterDeps {
  readonly log: Log;
  /** What is here, and nothing else. */
  readonly registry: RegistryStore & Pick<Registry, 'recordOf'>;
  /** As clients see it. */
  readonly shown: RegistryStore;
}

/** The first byte of a JSON document, as every client writes manifests. */
const BRACE = 0x7b;
/** Documents beside images are small; more of them are looked at by nobody. */
const MAX_CANDIDATE_BYTES = 256 * 1024;
const MAX_CANDIDATES = 5000;
/** So many digests are named in a sentence. */
const MAX_TOLD = 3;

const CODE_OF: Readonly<Record<string, ImportFailureCode>> = {
  READ_ONLY: 'READ_ONLY',
  TAG_RELEASED: 'TAG_RELEASED',
  TOO_MANY: 'TOO_MANY',
  MANIFEST_BLOB_UNKNOWN: 'CONTENT_MISSING',
  SIZE_MISMATCH: 'SIZE_MISMATCH',
  NO_SPACE: 'NO_SPACE',
  QUOTA_EXCEEDED: 'NO_SPACE',
};

/** What spoils one image; undefined for what has to stop the import. */
function failureOf(name: string, error: unknown): ImportFailure | undefined {
  if (error instanceof ImageFailure) {
    const { code, message, missing } = error;
    return { name, code, message, missing };
  }
  if (error instanceof ManifestError) return { name, code: 'IMAGE_INVALID', message: error.message };
  const isForeseen = error instanceof RegistryError || error instanceof StoreError;
  const code = isForeseen ? CODE_OF[error.code] : undefined;
  return code && { name, code, message: errorMessage(error) };
}

function parseJson(bytes: Buffer | undefined): unknown {
  try {
    return bytes && JSON.parse(bytes.toString());
  } catch {
    return undefined;
  }
}

function missingSentence(missing: readonly MissingContent[]): string {
  const told = missing
    .slice(0, MAX_TOLD)
    .map(({ digest, chunks }) => (chunks === undefined ? digest : `${digest} (chunk ${chunks.join(', ')})`));
  const rest = missing.length - told.length;
  return `It needs what is neither in the archive nor here: ${told.join(', ')}${rest > 0 ? `, and ${rest} more` : ''}.`;
}

export function createImporter({ log, registry, shown }: ImporterDeps): Importer {
  const intake = createBlobIntake({ store: registry });
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

  async function findImages(taken: TakenArchive, staging: string, { platforms }: ImportWish) {
    const { documents, members, blobs, damaged } = taken;
    const entries = layoutEntries(parseJson(documents.get(INDEX_FILE)));
    if (isLayoutMark(parseJson(documents.get(LAYOUT_FILE))) && entries !== undefined && entries.length > 0) {
      const candidates = [...blobs.values()].filter(
        ({ head, sizeBytes }) => head[0] === BRACE && sizeBytes <= MAX_CANDIDATE_BYTES,
      );
      const readManifest = async (digest: OciDigest) => {
        const key = formatDigest(digest);
        const why = damaged.get(key);
        if (why !== undefined) throw new ImageFailure('DIGEST_MISMATCH', `Its ${key} is damaged: ${why}`);
        const blob = blobs.get(key);
        if (blob !== undefined && blob.sizeBytes > MAX_MANIFEST_BYTES) {
          throw new ImageFailure('IMAGE_INVALID', `Its ${key} is larger than manifests are.`);
        }
        return blob && readStaged(staging, digest);
      };
      const digests = candidates.slice(0, MAX_CANDIDATES).map(({ digest }) => digest);
      return findLayoutImages(entries, { readManifest, candidates: digests }, platforms);
    }
    const saved = savedEntries(parseJson(documents.get(SAVED_FILE)));
    if (saved === undefined) return undefined;
    const byOffset = new Map([...members.values()].map((member) => [member.offset, member]));
    return findSavedImages(saved, taken, async (offset, length) => {
      const member = byOffset.get(offset);
      if (member === undefined) throw new Error(`nothing begins at ${offset}`);
      if (length <= member.head.length) return member.head.subarray(0, length);
      return (await readStaged(staging, member.digest)) ?? Buffer.alloc(0);
    });
  }

  /** Has everything that an image needs in the staging repository. @throws ImageFailure */
  async function requireBlobs(
    { blobs }: FoundImage,
    caller: ImportCaller,
    { damaged }: TakenArchive,
    set: ImageSet | undefined,
  ): Promise<void> {
    const missing: MissingContent[] = [];
    const chunksOf = chunksWith(set);
    for (const blob of blobs.values()) {
      const key = formatDigest(blob.digest);
      const why = damaged.get(key);
      if (why !== undefined) throw new ImageFailure('DIGEST_MISMATCH', `Its ${key} is damaged: ${why}`);
      const sizeBytes = await needed.gather(blob, caller, set);
      if (sizeBytes === undefined) {
        missing.push({ digest: key, sizeBytes: blob.sizeBytes, chunks: chunksOf(key) });
      } else if (sizeBytes !== blob.sizeBytes) {
        throw new ImageFailure(
          'SIZE_MISMATCH',
          `Its ${key} has ${sizeBytes} bytes, and not ${blob.sizeBytes}.`,
        );
      }
    }
    if (missing.length > 0) throw new ImageFailure('CONTENT_MISSING', missingSentence(missing), missing);
  }

  function requirePermission({ repository, tags }: NamedImage, { may }: ImportCaller): void {
    const denied = tags.find((tag) => !may('push', repository, tag));
    if (denied === undefined) return;
    throw new ImageFailure('DENIED', `What is asked for is not granted: to push ${repository}:${denied}.`);
  }

  return {
    async importArchive(content, wish, caller) {
      const staging = stagingOf(caller);
      const taken = await takeArchive(
        (bytes, named) => intake.take(staging, bytes, named),
        decompressed(content),
      );
      const { documents, blobs } = taken;
      const chunk = parseChunkMark(documents.get(CHUNK_FILE) ?? Buffer.alloc(0));
      const set = parseImageSet(documents.get(SET_FILE) ?? Buffer.alloc(0));
      if (documents.has(SET_FILE) && set === undefined) throw invalidArchive(`Its ${SET_FILE} is damaged.`);
      const images = await findImages(taken, staging, wish);
      if (images === undefined) {
        if (chunk !== undefined && chunk.chunk > 1) {
          return { images: [], failed: [], notices: [], chunk, blobs: blobs.size };
        }
        throw invalidArchive(
          'It holds no container images: neither an image layout (index.json) nor what docker save writes (manifest.json).',
        );
      }
      const sourceOf = (repository: string) => {
        const record = registry.recordOf(repository);
        return record !== undefined && record.manifests.size > 0 ? (record.source ?? repository) : undefined;
      };
      const plan = planNames(images.found, wish.name, sourceOf);
      const failed: ImportFailure[] = [...images.failed, ...plan.failed];
      const whole: NamedImage[] = [];
      const note = (named: NamedImage, error: unknown) => {
        const failure = failureOf(`${named.source}:${named.tags[0]}`, error);
        if (failure === undefined) throw error;
        failed.push(failure);
      };
      for (const named of plan.named) {
        try {
          requirePermission(named, caller);
          await requireBlobs(named.image, caller, taken, set);
          whole.push(named);
        } catch (error) {
          note(named, error);
        }
      }
      const imported: ImportedImage[] = [];
      const counted = new Set<string>();
      for (const named of set !== undefined && failed.length > 0 ? [] : whole) {
        const { image, repository, tags } = named;
        try {
          const manifestBytes = await placeImage({ store: registry, shown }, named, staging, caller.subject);
          const fresh = [...image.blobs.keys()].filter((key) => blobs.get(key)?.isNew && !counted.has(key));
          for (const key of fresh) counted.add(key);
          const bytesOf = (keys: Iterable<string>) =>
            [...keys].reduce((sum, key) => sum + (image.blobs.get(key)?.sizeBytes ?? 0), 0);
          const documentBytes = [image.root, ...image.others].reduce(
            (sum, { bytes }) => sum + bytes.length,
            0,
          );
          for (const [i, tag] of tags.entries()) {
            imported.push({
              ...{
                repository,
                tag,
                digest: formatDigest(image.root.digest),
                mediaType: image.root.mediaType,
              },
              sizeBytes: documentBytes + bytesOf(image.blobs.keys()),
              newBytes: i === 0 ? manifestBytes + bytesOf(fresh) : 0,
            });
          }
          log.info(
            { repository, tags, digest: formatDigest(image.root.digest), by: caller.subject },
            'an image was imported',
          );
        } catch (error) {
          note(named, error);
        }
      }
      return { images: imported, failed, notices: plan.notices, chunk, blobs: blobs.size };
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
