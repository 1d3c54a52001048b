// SPDX-License-Identifier: Apache-2.0
import { closeSync, readSync } from 'node:fs';
import { contentDigest } from '@local-datastore/shared/oci/content-digest';
import { formatDigest, type OciDigest, parseOciDigest } from '@local-datastore/shared/oci/digest';
import type { Staging } from '../content/staging.ts';
import { asStoreError, StoreError } from '../content/store-error.ts';
import type { DigestText } from './blob-files.ts';
import type { BlobKeeper } from './blob-keeper.ts';
import type { BlobTable } from './blob-table.ts';
import {
  requireRemovable,
  withManifest,
  withoutManifests,
  withoutTag,
  withReference,
  withReleased,
} from './change-record.ts';
import type { Leases } from './leases.ts';
import { RegistryError } from './registry-error.ts';
import type { BlobInfo, NewManifest, RegistryStore, StoredManifest } from './registry-store.ts';
import type { Repositories } from './repositories.ts';
import { hasBlob, type Repository } from './repository.ts';
import type { ManifestRecord, RepositoryRecord } from './repository-record.ts';

export interface ManifestsDeps {
  readonly repositories: Repositories;
  readonly table: BlobTable;
  readonly keeper: BlobKeeper;
  readonly leases: Leases;
  readonly staging: Pick<Staging, 'stage' | 'release' | 'discard'>;
  /** To be called before anything is written. @throws StoreError */
  prepare(): Promise<void>;
  /** In ms since 1970. */
  readonly now: () => number;
}

/** The part of the store that is about manifests. */
export type Manifests = Pick<
  RegistryStore,
  'readManifest' | 'statManifest' | 'putManifest' | 'refer' | 'deleteTag' | 'deleteManifest' | 'releaseTag'
>;

/** Of one repository; its record is written anew with each push. */
const MAX_MANIFESTS = 20_000;
const MAX_TAGS = 20_000;

/** A digest that is known to be one. */
export function digestOfText(text: DigestText): OciDigest {
  const digest = parseOciDigest(text);
  if (digest === undefined) throw new Error(`${text} is no digest`);
  return digest;
}

/** What is kept in a record of a manifest. */
export const toManifestRecord = (
  { bytes, mediaType, blobs, children, subject, artifactType, isSparse }: NewManifest,
  at: string,
): ManifestRecord => ({
  ...{ mediaType, sizeBytes: bytes.length, at },
  // Layers may be the same, as empty ones are.
  blobs: [...new Map(blobs.map(({ digest, sizeBytes }) => [formatDigest(digest), sizeBytes]))].map(
    ([digest, sizeBytes]) => ({ digest, sizeBytes }),
  ),
  children: [...new Set(children.map(formatDigest))],
  ...(subject !== undefined && { subject: formatDigest(subject) }),
  ...(artifactType !== undefined && { artifactType }),
  ...(isSparse === true && { isSparse }),
});

function readWhole(fd: number, sizeBytes: number): Buffer {
  try {
    const bytes = Buffer.allocUnsafe(sizeBytes);
    let filled = 0;
    while (filled < sizeBytes) {
      const count = readSync(fd, bytes, filled, sizeBytes - filled, filled);
      if (count === 0) break;
      filled += count;
    }
    return bytes.subarray(0, filled);
  } finally {
    closeSync(fd);
  }
}

export function createManifests(deps: ManifestsDeps): Manifests {
  const { repositories, table, keeper, leases, staging, now } = deps;
  const time = () => new Date(now()).toISOString();

  function findManifest(
    name: string,
    reference: Parameters<RegistryStore['readManifest']>[1],
  ): { digest: DigestText; manifest: ManifestRecord } | undefined {
    const record = repositories.find(name)?.record;
    const digest =
      'tag' in reference ? record?.tags.get(reference.tag)?.digest : formatDigest(reference.digest);
    const manifest = digest === undefined ? undefined : record?.manifests.get(digest);
    return digest === undefined || manifest === undefined ? undefined : { digest, manifest };
  }

  /** Leases come first: what is found here is here until the manifest is. */
  function requireBlobs(repository: Repository, { blobs }: ManifestRecord): void {
    const missing: DigestText[] = [];
    for (const { digest, sizeBytes } of blobs) {
      const isOurs = hasBlob(repository, digest);
      if (isOurs) leases.hold(digest);
      const there = isOurs ? keeper.check(digest) : undefined;
      if (there === undefined) missing.push(digest);
      else if (there !== sizeBytes) {
        throw new StoreError('SIZE_MISMATCH', `${digest} has ${there} bytes, and not ${sizeBytes}.`, {
          details: { digest, sizeBytes: there, expectedBytes: sizeBytes },
        });
      }
    }
    if (missing.length === 0) return;
    throw new RegistryError(
      'MANIFEST_BLOB_UNKNOWN',
      `${repository.name} does not have ${missing.length} of the blobs that the manifest names.`,
      { details: { digests: missing } },
    );
  }

  function requireNumbers({ name, manifests, tags, references }: RepositoryRecord): void {
    const isFew = tags.size <= MAX_TAGS && (references?.size ?? 0) <= MAX_TAGS;
    if (manifests.size <= MAX_MANIFESTS && isFew) return;
    const what = manifests.size > MAX_MANIFESTS ? `${MAX_MANIFESTS} manifests` : `${MAX_TAGS} tags`;
    throw new RegistryError('TOO_MANY', `${name} has ${what}: there is no room for more.`);
  }

  async function storeBytes(bytes: Buffer, digest: OciDigest): Promise<void> {
    async function* content() {
      yield bytes;
    }
    const staged = await staging.stage(content(), { sizeBytes: bytes.length, digests: [digest] });
    try {
      const text = formatDigest(digest);
      await keeper.put(staged.file, text, bytes.length, () => leases.hold(text));
      staging.release(staged);
    } catch (error) {
      await staging.discard(staged);
      throw asStoreError(error);
    }
  }

  /** Changes a record in its turn. @returns false where `change` has nothing to change */
  async function change(
    name: string,
    work: (record: RepositoryRecord) => RepositoryRecord | undefined,
  ): Promise<boolean> {
    const repository = repositories.find(name);
    if (repository === undefined) return false;
    return repository.inTurn(async () => {
      const record = work(repository.record);
      if (record !== undefined) await repositories.save(repository, record);
      return record !== undefined;
    });
  }

  return {
    async readManifest(name, reference) {
      const found = findManifest(name, reference);
      if (found === undefined) return undefined;
      const file = keeper.open(found.digest);
      if (file === undefined) return undefined;
      const bytes = readWhole(file.fd, file.version.sizeBytes);
      const digest = digestOfText(found.digest);
      if (contentDigest(bytes, digest.algorithm).hex !== digest.hex) {
        keeper.markDamaged(table.entry(found.digest), 'its digest is another one');
        return undefined;
      }
      return { digest, mediaType: found.manifest.mediaType, bytes } satisfies StoredManifest;
    },

    async statManifest(name, reference) {
      const found = findManifest(name, reference);
      const sizeBytes = found && keeper.check(found.digest);
      if (found === undefined || sizeBytes === undefined) return undefined;
      const info: BlobInfo = { digest: digestOfText(found.digest), sizeBytes };
      return { ...info, mediaType: found.manifest.mediaType };
    },

    async putManifest(name, manifest) {
      const repository = repositories.open(name);
      await deps.prepare();
      const { digest } = manifest;
      const text = formatDigest(digest);
      return repository.inTurn(async () => {
        const at = time();
        const record = toManifestRecord(manifest, at);
        if (manifest.isSparse !== true) requireBlobs(repository, record);
        const isNew = !repository.record.manifests.has(text);
        const { tags, by, source, isFetched } = manifest;
        const next = withManifest(repository.record, text, record, { tags, at, by, source, isFetched });
        requireNumbers(next);
        leases.hold(text);
        if (isNew || keeper.check(text) === undefined) await storeBytes(manifest.bytes, digest);
        await repositories.save(repository, next);
        return { digest, isNew };
      });
    },

    async refer(name, tag, { source, isInsecure, by }) {
      const repository = repositories.open(name);
      await deps.prepare();
      return repository.inTurn(async () => {
        const next = withReference(repository.record, tag, {
          ...{ source, at: time(), by },
          ...(isInsecure && { isInsecure }),
        });
        if (next === undefined) return false;
        requireNumbers(next);
        await repositories.save(repository, next);
        return true;
      });
    },

    deleteTag: (name, tag) => change(name, (record) => withoutTag(record, tag, time())),

    deleteManifest(name, digest, { isForced = false } = {}) {
      const text = formatDigest(digest);
      return change(name, (record) => {
        if (!record.manifests.has(text)) return undefined;
        requireRemovable(record, text, { isForced });
        return withoutManifests(record, new Set([text]));
      });
    },

    releaseTag: (name, tag, isReleased) => change(name, (record) => withReleased(record, tag, isReleased)),
  };
}
