import { formatDigest, type OciDigest, parseOciDigest } from '@local-datastore/shared/oci/digest';
import { ManifestError, parseManifest } from '@local-datastore/shared/oci/manifest';
import type { RegistryReader } from '../archives/archive-registry.ts';
import type { RepositoryRecord } from '../blobs/repository-record.ts';
import { createSourceReadAt } from '../content/byte-source.ts';
import { describeImage } from '../formats/describe-image.ts';
import type { ImageDescription } from '../formats/image-description.ts';
import type { ImageSource } from '../formats/image-source.ts';
import { kindOf } from './describe-repository.ts';
import type { FindRepository } from './known-repositories.ts';

/** The one layer of an artifact, which is a disk. */
export interface Disk {
  /** Of the layer: the file has it, too. */
  readonly digest: OciDigest;
  readonly sizeBytes: number;
  readonly description: ImageDescription;
}

/** A tag that leads to a disk, and so to a flat file, which takes no second room. */
export interface DiskArtifact extends Disk {
  readonly repository: string;
  readonly tag: string;
  /** ISO 8601. */
  readonly pushed: string;
  readonly isReleased: boolean;
}

export interface DiskArtifacts {
  /** The disk that a tag leads to; undefined: it leads to something else. */
  find(repository: string, tag: string): Promise<DiskArtifact | undefined>;
  /** All that may be seen, by repository and tag. */
  list(sight: ArtifactSight): Promise<DiskArtifact[]>;
}

/** What a caller may see. */
export interface ArtifactSight {
  sees(repository: string): boolean;
  hasTag(repository: string, tag: string): boolean;
}

export interface DiskArtifactsDeps {
  /** What is here: nothing is imported to be listed. */
  readonly stored: Pick<RegistryReader, 'listRepositories' | 'readManifest' | 'openBlob'>;
  readonly find: FindRepository;
}

const MAX_REMEMBERED = 20_000;
const MAX_REPOSITORIES = 20_000;
/** What a layer of a container is called: it is unpacked, and no disk. */
const UNPACKED = /\.tar(?:$|[+.])|\+(?:gzip|zstd)$/;
/** By what pushes of disks call them. */
const CALLED_DISK = /(?:^|[./+-])(?:disk|raw|img|iso|qcow2?|vmdk|vhdx?|image)(?:$|[./+-])/i;

const BOOT_SIGNATURE = 0xaa55;
/** Superblocks of file systems that stand on a disk without partitions, and the second sector of a GPT. */
const MAGICS: readonly (readonly [offset: number, hex: string])[] = [
  [512, '4546492050415254'],
  [1080, '53ef'],
  [0, '58465342'],
  [0, '68737173'],
  [65_600, '5f42485266535f4d'],
];

/** A raw disk has no magic: it is one if it begins as disks do, or is called so. */
async function looksRaw(readAt: ImageSource['readAt'], mediaType: string): Promise<boolean> {
  const start = await readAt(0, 512);
  if (start.length === 512 && start.readUInt16LE(510) === BOOT_SIGNATURE) return true;
  for (const [offset, hex] of MAGICS) {
    if ((await readAt(offset, hex.length / 2)).toString('hex') === hex) return true;
  }
  return CALLED_DISK.test(mediaType.replace(/^application\/vnd\.oci\.image\./, ''));
}

/** Something else in the place of a disk; a disk with a problem is one all the same. */
const isNone = ({ format, problems }: ImageDescription) =>
  format === 'container' || problems.some(({ code }) => code === 'NOT_AN_IMAGE' || code === 'COMPRESSED');

/** An image for engines, and an index, are none; and an artifact of one layer has two blobs at most. */
const mayBeDisk = (record: RepositoryRecord, digest: string): boolean => {
  const manifest = record.manifests.get(digest);
  if (manifest === undefined || manifest.blobs.length > 2) return false;
  return kindOf(manifest) !== 'index';
};

/** Finds tags whose manifest has one layer that is a disk: by what is in it, read as far as that takes. */
export function createDiskArtifacts({ stored, find }: DiskArtifactsDeps): DiskArtifacts {
  /** By the digest of the manifest; null: it is none. */
  const known = new Map<string, Disk | null>();

  async function look(repository: string, digest: OciDigest): Promise<Disk | null | undefined> {
    const manifest = await stored.readManifest(repository, { digest });
    if (manifest === undefined) return undefined;
    const { layers } = parseManifest(manifest.bytes, manifest.mediaType);
    const [layer, ...others] = layers;
    if (layer === undefined || others.length > 0 || UNPACKED.test(layer.mediaType)) return null;
    const blob = await stored.openBlob(repository, layer.digest);
    // It may come, from an upstream or by another push.
    if (blob === undefined) return undefined;
    try {
      const readAt = createSourceReadAt(blob.source);
      const description = await describeImage(readAt, blob.sizeBytes);
      if (isNone(description)) return null;
      if (description.format === 'raw' && !(await looksRaw(readAt, layer.mediaType))) return null;
      return { digest: layer.digest, sizeBytes: blob.sizeBytes, description };
    } finally {
      blob.source.close();
    }
  }

  async function diskOf(repository: string, text: string): Promise<Disk | undefined> {
    const before = known.get(text);
    if (before !== undefined) return before ?? undefined;
    const digest = parseOciDigest(text);
    if (digest === undefined) return undefined;
    let found: Disk | null | undefined;
    try {
      found = await look(repository, digest);
    } catch (error) {
      // One that cannot be read keeps none of the others from being listed.
      if (error instanceof ManifestError) found = null;
    }
    if (found === undefined) return undefined;
    const [oldest] = known.keys();
    if (known.size >= MAX_REMEMBERED && oldest !== undefined) known.delete(oldest);
    known.set(text, found);
    return found ?? undefined;
  }

  async function artifactOf(record: RepositoryRecord, tag: string): Promise<DiskArtifact | undefined> {
    const there = record.tags.get(tag);
    if (there === undefined || !mayBeDisk(record, there.digest)) return undefined;
    const disk = await diskOf(record.name, there.digest);
    if (disk === undefined) return undefined;
    const { at: pushed, isReleased = false } = there;
    return { ...disk, repository: record.name, tag, pushed, isReleased };
  }

  return {
    async find(repository, tag) {
      const found = find(repository);
      return found && artifactOf(found.record, tag);
    },

    async list({ sees, hasTag }) {
      const { names } = await stored.listRepositories({ limit: MAX_REPOSITORIES, isVisible: sees });
      const artifacts: DiskArtifact[] = [];
      for (const name of names) {
        const record = findQuietly(find, name);
        for (const tag of record === undefined ? [] : [...record.tags.keys()].sort()) {
          const artifact = record && hasTag(name, tag) ? await artifactOf(record, tag) : undefined;
          if (artifact !== undefined) artifacts.push(artifact);
        }
      }
      return artifacts;
    },
  };
}

/** A repository whose record cannot be read keeps none of the others from being listed. */
function findQuietly(find: FindRepository, name: string): RepositoryRecord | undefined {
  try {
    return find(name)?.record;
  } catch {
    return undefined;
  }
}

/** How a disk of the registry is called among the images. */
export const ARTIFACT_PREFIX = 'oci:';
export const artifactPath = ({ repository, tag }: Pick<DiskArtifact, 'repository' | 'tag'>): string =>
  `${ARTIFACT_PREFIX}${repository}:${tag}`;

/** Where anybody who may pull it reads it as a flat file: the same bytes for as long as they are there. */
export const flatPath = ({ repository, digest }: Pick<DiskArtifact, 'repository' | 'digest'>): string =>
  `v2/${repository}/blobs/${formatDigest(digest)}`;
