// SPDX-License-Identifier: Apache-2.0
import type { Descriptor } from '@local-datastore/shared/oci/descriptor';
import { formatDigest, type OciDigest, parseOciDigest } from '@local-datastore/shared/oci/digest';
import { ManifestError, parseManifest } from '@local-datastore/shared/oci/manifest';
import type { RegistryReader } from '../archives/archive-registry.ts';
import type { RepositoryRecord } from '../blobs/repository-record.ts';
import { createSourceReadAt } from '../content/byte-source.ts';
import type { ImageDescription } from '../formats/image-description.ts';
import type { ImageSource } from '../formats/image-source.ts';
import { type FileParser, UnreadableContentError } from '../parsing/file-parser.ts';
import { kindOf } from './describe-repository.ts';
import type { FindRepository } from './known-repositories.ts';
import { parseLocalReference } from './local-reference.ts';

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
  readonly parser: FileParser;
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

/** What is remembered by the digests of manifests. */
function createMemory<Value>() {
  const known = new Map<string, Value>();
  return {
    get: (digest: string) => known.get(digest),
    set(digest: string, value: Value): Value {
      const [oldest] = known.keys();
      if (known.size >= MAX_REMEMBERED && oldest !== undefined) known.delete(oldest);
      known.set(digest, value);
      return value;
    },
  };
}

/**
 * Finds tags whose manifest has one layer that is a disk: by what is in it, read as far as that takes. A list is asked
 * for every second: a manifest is read once, and the tags of a record, which never changes, are gone through once.
 */
export function createDiskArtifacts({ stored, find, parser }: DiskArtifactsDeps): DiskArtifacts {
  /** The one layer that may be a disk; null: there is none. */
  const layers = createMemory<Descriptor | null>();
  /** null: it is none. */
  const disks = createMemory<Disk | null>();
  /** Of records whose layers are all here. */
  const listed = new WeakMap<RepositoryRecord, readonly DiskArtifact[]>();

  async function layerOf(
    repository: string,
    digest: OciDigest,
    text: string,
  ): Promise<Descriptor | null | undefined> {
    const before = layers.get(text);
    if (before !== undefined) return before;
    const manifest = await stored.readManifest(repository, { digest });
    if (manifest === undefined) return undefined;
    const [layer, ...others] = parseManifest(manifest.bytes, manifest.mediaType).layers;
    const isOne = layer !== undefined && others.length === 0 && !UNPACKED.test(layer.mediaType);
    return layers.set(text, isOne ? layer : null);
  }

  async function look(repository: string, text: string): Promise<Disk | null | undefined> {
    const digest = parseOciDigest(text);
    if (digest === undefined) return undefined;
    const layer = await layerOf(repository, digest, text);
    if (layer === undefined || layer === null) return layer;
    const blob = await stored.openBlob(repository, layer.digest);
    // It may come, from an upstream or by another push.
    if (blob === undefined) return undefined;
    try {
      const readAt = createSourceReadAt(blob.source);
      const { description } = await parser.parse('describe', { sizeBytes: blob.sizeBytes, readAt });
      if (isNone(description)) return null;
      if (description.format === 'raw' && !(await looksRaw(readAt, layer.mediaType))) return null;
      return { digest: layer.digest, sizeBytes: blob.sizeBytes, description };
    } finally {
      blob.source.close();
    }
  }

  /** @returns null: it is none; undefined: that is not known yet */
  async function diskOf(repository: string, text: string): Promise<Disk | null | undefined> {
    const before = disks.get(text);
    if (before !== undefined) return before;
    try {
      const found = await look(repository, text);
      return found === undefined ? undefined : disks.set(text, found);
    } catch (error) {
      // One that cannot be read keeps none of the others from being listed.
      const isItself = error instanceof ManifestError || error instanceof UnreadableContentError;
      return isItself ? disks.set(text, null) : undefined;
    }
  }

  /** As {@link diskOf}. */
  async function artifactOf(record: RepositoryRecord, tag: string): Promise<DiskArtifact | null | undefined> {
    const there = record.tags.get(tag);
    if (there === undefined || !mayBeDisk(record, there.digest)) return null;
    const disk = await diskOf(record.name, there.digest);
    if (disk === undefined || disk === null) return disk;
    const { at: pushed, isReleased = false } = there;
    return { ...disk, repository: record.name, tag, pushed, isReleased };
  }

  async function artifactsOf(record: RepositoryRecord): Promise<readonly DiskArtifact[]> {
    const before = listed.get(record);
    if (before !== undefined) return before;
    const artifacts: DiskArtifact[] = [];
    let isComplete = true;
    for (const tag of [...record.tags.keys()].sort()) {
      const artifact = await artifactOf(record, tag);
      if (artifact === undefined) isComplete = false;
      else if (artifact !== null) artifacts.push(artifact);
    }
    if (isComplete) listed.set(record, artifacts);
    return artifacts;
  }

  return {
    async find(repository, tag) {
      const found = find(repository);
      return (found && (await artifactOf(found.record, tag))) ?? undefined;
    },

    async list({ sees, hasTag }) {
      const { names } = await stored.listRepositories({ limit: MAX_REPOSITORIES, isVisible: sees });
      const artifacts: DiskArtifact[] = [];
      for (const name of names) {
        const record = findQuietly(find, name);
        if (record === undefined) continue;
        for (const artifact of await artifactsOf(record)) {
          if (hasTag(name, artifact.tag)) artifacts.push(artifact);
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

/** The repository and tag of such a path; undefined: it is none. */
export function parseArtifactPath(path: string): Pick<DiskArtifact, 'repository' | 'tag'> | undefined {
  if (!path.startsWith(ARTIFACT_PREFIX)) return undefined;
  const parsed = parseLocalReference(path.slice(ARTIFACT_PREFIX.length));
  if (parsed.kind === 'invalid' || !('tag' in parsed.reference)) return undefined;
  return { repository: parsed.repository, tag: parsed.reference.tag };
}

/** Where anybody who may pull it reads it as a flat file: the same bytes for as long as they are there. */
export const flatPath = ({ repository, digest }: Pick<DiskArtifact, 'repository' | 'digest'>): string =>
  `v2/${repository}/blobs/${formatDigest(digest)}`;
