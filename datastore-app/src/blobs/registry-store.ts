// SPDX-License-Identifier: Apache-2.0
import type { OciAlgorithm, OciDigest } from '@local-datastore/shared/oci/digest';
import type { ManifestReference, RepositoryName } from '@local-datastore/shared/oci/reference';
import type { ByteSource } from '../content/byte-source.ts';

/** Whoever calls has validated them. */
export type { ManifestReference, RepositoryName };

export interface BlobInfo {
  readonly digest: OciDigest;
  readonly sizeBytes: number;
}

/** A blob on its way to a client. Whoever has it closes `source`. */
export interface OpenBlob extends BlobInfo {
  readonly source: ByteSource;
}

/** A blob that comes in. Neither its size nor its digest need be known before its end. */
export interface UploadSession {
  /** 32 hexadecimal digits, which nobody guesses. */
  readonly id: string;
  /** What is there, and survives a restart; the next byte is this one. */
  readonly receivedBytes: number;
}

export interface StoredManifest {
  readonly digest: OciDigest;
  readonly mediaType: string;
  /** Byte for byte as they were pushed. */
  readonly bytes: Buffer;
}

/** What a manifest says of others, read out of its bytes by whoever knows the media types. */
export interface ManifestLinks {
  /** Config and layers that must be here; not those that are not to be distributed, which need no blob. */
  readonly blobs: readonly BlobInfo[];
  /** The manifests of an index. They may be missing: then the index is sparse. */
  readonly children: readonly OciDigest[];
  /** What it refers to (image-spec, "subject"); it may be missing, too. */
  readonly subject?: OciDigest | undefined;
  /** As the referrers API has it: the manifest's own, or else the media type of its config. */
  readonly artifactType?: string | undefined;
}

export interface NewManifest extends ManifestLinks {
  readonly bytes: Buffer;
  readonly mediaType: string;
  /** Of exactly these bytes; whoever calls has compared what was asked for with what is. */
  readonly digest: OciDigest;
  /** They point to it from now on. None: it is pushed by its digest. */
  readonly tags: readonly string[];
  /** Blobs may be missing: they come from an upstream when they are asked for. */
  readonly isSparse?: boolean | undefined;
  /** How the repository is written where the image comes from, if otherwise than here. */
  readonly source?: string | undefined;
  /** Who pushes, for the record; as a principal is written. */
  readonly by?: string | undefined;
  /** It is what its tag referred to, and stays so. */
  readonly isFetched?: boolean | undefined;
}

/**
 * An image of another registry, which is fetched when it is asked for. For administrators: by it a repository has
 * whatever that registry's manifests name.
 */
export interface NewReference {
  /** Such as `docker://registry.example/lab/app:1.2`. */
  readonly source: string;
  /** It is asked over http. */
  readonly isInsecure: boolean;
  readonly by?: string | undefined;
}

/** A manifest that refers to another one. Its annotations are in its bytes ({@link RegistryStore.readManifest}). */
export interface Referrer extends BlobInfo {
  readonly mediaType: string;
  readonly artifactType: string | undefined;
}

/** A piece of a list in the order of code units, as the specification's paging has it. */
export interface Page {
  readonly names: readonly string[];
  /** Whether there are more behind the last. */
  readonly isMore: boolean;
}

export interface PageWish {
  /** Only names behind this one, whether or not it exists. */
  readonly last?: string | undefined;
  /** At most so many. */
  readonly limit: number;
}

/**
 * Blobs and manifests by digest, repositories and tags by name, on the disk below the root; what was acknowledged
 * survives a power cut. Unless it says otherwise, everything may throw RegistryError REPOSITORY_UNREADABLE, and
 * what changes something StoreError NO_SPACE, QUOTA_EXCEEDED or NOT_WRITABLE.
 *
 * Blobs and manifests of one digest are stored once, and yet can be read only in repositories that have them: by
 * one of their manifests, or by a lease. A lease is given to a repository and a digest with every answer that spares
 * a client the sending (an upload that ended, a mount, a look before a push); for a day nothing of it is collected.
 */
export interface RegistryStore {
  /** Reads the records and takes up uploads. Never fails because of what stands on the disk: `trouble` says it. */
  start(): Promise<void>;

  /**
   * @param options.isForPush whether the client may leave out the sending because of the answer: renews the lease
   * @returns undefined where the repository does not have it, or it is damaged, so that a push heals it
   */
  statBlob(
    repository: RepositoryName,
    digest: OciDigest,
    options: { readonly isForPush: boolean },
  ): Promise<BlobInfo | undefined>;
  /** Opens a blob of a repository. As {@link statBlob}. @throws system errors such as EMFILE */
  openBlob(repository: RepositoryName, digest: OciDigest): Promise<OpenBlob | undefined>;
  /**
   * Takes a blob that no manifest names away from a repository (distribution-spec end-10); others that have it keep
   * it, and its bytes are collected once nobody does. Not durable: after a power cut it may be there again for as
   * long as it would have been.
   *
   * @returns `needed` where a manifest of the repository names it: then nothing was done
   */
  deleteBlob(repository: RepositoryName, digest: OciDigest): Promise<'deleted' | 'needed' | 'absent'>;
  /** How large a blob is that a manifest of the repository names, whether or not it is here. */
  namedSize(repository: RepositoryName, digest: OciDigest): number | undefined;
  /**
   * Lets a repository have a blob of another one (distribution-spec end-11).
   *
   * @param options.from undefined: any repository for which `mayPull` says so
   * @returns false where none of them has it: then it must be uploaded
   */
  mountBlob(
    digest: OciDigest,
    options: {
      readonly from: RepositoryName | undefined;
      readonly to: RepositoryName;
      mayPull(repository: RepositoryName): boolean;
    },
  ): Promise<boolean>;

  /**
   * Begins an upload (end-4).
   *
   * @param options.algorithm of the digest to come; sha256 unless said
   * @param options.expected what is imported, where that is known: so it is found again ({@link findImport})
   * @throws RegistryError TOO_MANY
   */
  createUpload(
    repository: RepositoryName,
    options?: { readonly algorithm?: OciAlgorithm | undefined; readonly expected?: OciDigest | undefined },
  ): Promise<UploadSession>;
  /** An import that has begun, maybe before a restart. */
  findImport(repository: RepositoryName, expected: OciDigest): UploadSession | undefined;
  /** What has come so far of an upload, opened for reading. Whoever has it closes it. @throws system errors */
  openUpload(repository: RepositoryName, id: string): number | undefined;
  /** undefined where the repository has no such upload. */
  findUpload(repository: RepositoryName, id: string): Promise<UploadSession | undefined>;
  /**
   * Writes what comes next. What came before an error is kept. Of two at once the later takes over, since the
   * connection of the earlier is most likely dead; the earlier fails with UPLOAD_OFFSET.
   *
   * @param position of the first byte, where the client says it (Content-Range)
   * @param onWritten hears how many bytes there are, whenever there are more
   * @throws RegistryError UPLOAD_UNKNOWN, UPLOAD_OFFSET for a gap, an overlap or a repeat; whatever `content` throws
   */
  appendUpload(
    repository: RepositoryName,
    id: string,
    position: number | undefined,
    content: AsyncIterable<Uint8Array>,
    onWritten?: (receivedBytes: number) => void,
  ): Promise<UploadSession>;
  /**
   * Makes an upload a blob, and gives the repository a lease of it. Durable when it returns.
   *
   * @throws RegistryError UPLOAD_UNKNOWN; StoreError DIGEST_MISMATCH: then the upload is removed
   */
  finishUpload(repository: RepositoryName, id: string, digest: OciDigest): Promise<BlobInfo>;
  /** @returns false where there is none */
  cancelUpload(repository: RepositoryName, id: string): Promise<boolean>;

  readManifest(repository: RepositoryName, reference: ManifestReference): Promise<StoredManifest | undefined>;
  /** What {@link readManifest} would return, without the bytes. */
  statManifest(
    repository: RepositoryName,
    reference: ManifestReference,
  ): Promise<(BlobInfo & { readonly mediaType: string }) | undefined>;
  /**
   * Stores a manifest and points its tags to it. All or nothing.
   *
   * @returns whether the repository did not have it before
   * @throws RegistryError MANIFEST_BLOB_UNKNOWN, TAG_RELEASED, TOO_MANY; StoreError SIZE_MISMATCH for a blob that
   *   is not of the size that the manifest says
   */
  putManifest(
    repository: RepositoryName,
    manifest: NewManifest,
  ): Promise<{ readonly digest: OciDigest; readonly isNew: boolean }>;
  /** Lets a tag stand for an image of another registry. @returns false where it leads to an image already */
  refer(repository: RepositoryName, tag: string, reference: NewReference): Promise<boolean>;
  /** @returns false where there is none @throws RegistryError TAG_RELEASED */
  deleteTag(repository: RepositoryName, tag: string): Promise<boolean>;
  /**
   * Removes a manifest and all tags that point to it.
   *
   * @param options.isForced also where an index names it
   * @returns false where there is none
   * @throws RegistryError TAG_RELEASED, MANIFEST_REFERENCED
   */
  deleteManifest(
    repository: RepositoryName,
    digest: OciDigest,
    options?: { readonly isForced?: boolean },
  ): Promise<boolean>;
  /**
   * Gives a tag another name: what it led to before goes along.
   *
   * @returns false where there is none @throws RegistryError TAG_RELEASED, NAME_TAKEN
   */
  renameTag(repository: RepositoryName, tag: string, to: string): Promise<boolean>;
  /**
   * Makes a manifest the next version of its repository: its tags are `latest`, and the number behind the greatest
   * that is a tag. What is the last version already gets no further one.
   *
   * @returns the number; undefined where there is no such manifest @throws RegistryError TAG_RELEASED, TOO_MANY
   */
  tagNextVersion(repository: RepositoryName, digest: OciDigest, by?: string): Promise<string | undefined>;
  /**
   * Removes a repository with all its tags and manifests. Durable when it returns.
   *
   * @returns false where there is none @throws RegistryError TAG_RELEASED
   */
  purgeRepository(repository: RepositoryName): Promise<boolean>;
  /**
   * Gives a repository another name. Whatever happens, it has the one or the other; durable when it returns.
   *
   * @returns false where there is none @throws RegistryError TAG_RELEASED, NAME_TAKEN
   */
  renameRepository(repository: RepositoryName, to: RepositoryName): Promise<boolean>;
  /** Makes a tag immutable, or lets it be moved again. @returns false where there is none */
  releaseTag(repository: RepositoryName, tag: string, isReleased: boolean): Promise<boolean>;

  /** undefined where there is no such repository. */
  listTags(repository: RepositoryName, wish: PageWish): Promise<Page | undefined>;
  /** Of a manifest that need not be here. @param artifactType only those of this one */
  listReferrers(
    repository: RepositoryName,
    digest: OciDigest,
    artifactType?: string,
  ): Promise<readonly Referrer[]>;
  /** Those that have manifests, and that may be seen: pages are as long as wished after that. */
  listRepositories(wish: PageWish & { isVisible(repository: RepositoryName): boolean }): Promise<Page>;
}
