// SPDX-License-Identifier: Apache-2.0
import { formatDigest, type OciAlgorithm, type OciDigest } from '@local-datastore/shared/oci/digest';
import { wholeFile } from '../content/byte-source.ts';
import type { Session, Sessions } from '../content/sessions.ts';
import type { DigestText } from './blob-files.ts';
import type { BlobKeeper } from './blob-keeper.ts';
import type { Leases } from './leases.ts';
import { RegistryError } from './registry-error.ts';
import type { RegistryStore, UploadSession } from './registry-store.ts';
import type { Repositories } from './repositories.ts';
import { hasBlob, type Repository } from './repository.ts';

/** What is remembered of an upload beside its bytes. */
export interface UploadFacts {
  readonly repository: string;
  readonly algorithm: OciAlgorithm;
  /** Of an import. */
  readonly expected?: DigestText | undefined;
}

/** The part of the store that is about blobs and their uploads. */
export type Blobs = Pick<
  RegistryStore,
  | 'statBlob'
  | 'openBlob'
  | 'deleteBlob'
  | 'namedSize'
  | 'mountBlob'
  | 'createUpload'
  | 'findImport'
  | 'openUpload'
  | 'findUpload'
  | 'appendUpload'
  | 'finishUpload'
  | 'cancelUpload'
>;

export interface BlobsDeps {
  readonly repositories: Repositories;
  readonly keeper: BlobKeeper;
  readonly leases: Leases;
  readonly sessions: Sessions<UploadFacts>;
  /** To be called before anything is written. @throws StoreError */
  prepare(): Promise<void>;
}

const unknownUpload = (id: string) =>
  new RegistryError('UPLOAD_UNKNOWN', `There is no upload ${id}: begin another one.`);

function sizeInRecord({ record }: Repository, digest: DigestText): number | undefined {
  for (const { blobs } of record.manifests.values()) {
    const named = blobs.find((blob) => blob.digest === digest);
    if (named !== undefined) return named.sizeBytes;
  }
  return undefined;
}

export function createBlobs({ repositories, keeper, leases, sessions, prepare }: BlobsDeps): Blobs {
  /** Gives a lease in this very turn; written down it is when the promise settles. */
  function lease(repository: Repository, digest: DigestText, isDurable: boolean): Promise<void> {
    leases.grant(repository, digest);
    return leases.write(repository, digest, { isDurable });
  }

  function sizeIn(repository: Repository | undefined, digest: DigestText): number | undefined {
    return repository !== undefined && hasBlob(repository, digest) ? keeper.check(digest) : undefined;
  }

  const toUpload = ({ id, receivedBytes }: Session<UploadFacts>): UploadSession => ({ id, receivedBytes });

  /** Any that has it and may be read from. */
  function findSource(
    digest: DigestText,
    { from, mayPull }: Parameters<RegistryStore['mountBlob']>[1],
  ): Repository | undefined {
    if (from !== undefined) {
      const source = repositories.find(from);
      return source !== undefined && hasBlob(source, digest) ? source : undefined;
    }
    for (const repository of repositories.all()) {
      const { trouble, name } = repository;
      if (trouble === undefined && hasBlob(repository, digest) && mayPull(name)) return repository;
    }
    return undefined;
  }

  return {
    async statBlob(name, digest, { isForPush }) {
      const repository = repositories.find(name);
      const text = formatDigest(digest);
      const sizeBytes = sizeIn(repository, text);
      if (repository === undefined || sizeBytes === undefined) return undefined;
      if (isForPush) await lease(repository, text, false);
      return { digest, sizeBytes };
    },

    async openBlob(name, digest) {
      const repository = repositories.find(name);
      const text = formatDigest(digest);
      if (repository === undefined || !hasBlob(repository, text)) return undefined;
      const file = keeper.open(text);
      return file && { digest, sizeBytes: file.version.sizeBytes, source: wholeFile(file) };
    },

    async deleteBlob(name, digest) {
      const repository = repositories.find(name);
      const text = formatDigest(digest);
      if (repository === undefined || !hasBlob(repository, text)) return 'absent';
      if (repository.links.has(text)) return 'needed';
      leases.end(repository, text);
      return 'deleted';
    },

    async mountBlob(digest, options) {
      const text = formatDigest(digest);
      const target = repositories.open(options.to);
      if (findSource(text, options) === undefined || keeper.check(text) === undefined) return false;
      await lease(target, text, true);
      return true;
    },

    namedSize(name, digest) {
      const repository = repositories.find(name);
      const text = formatDigest(digest);
      // Rarely more than once a blob: it is missing, and comes from elsewhere.
      return repository?.links.has(text) ? sizeInRecord(repository, text) : undefined;
    },

    async createUpload(name, { algorithm = 'sha256', expected } = {}) {
      repositories.open(name);
      await prepare();
      const session = await sessions.create(
        { repository: name, algorithm, ...(expected && { expected: formatDigest(expected) }) },
        algorithm,
      );
      if (session !== undefined) return toUpload(session);
      throw new RegistryError(
        'TOO_MANY',
        `${sessions.count()} uploads are under way: finish or delete some.`,
        {
          retryable: true,
        },
      );
    },

    findImport(name, expected) {
      const text = formatDigest(expected);
      const session = sessions.findBy((facts) => facts.repository === name && facts.expected === text);
      return session && toUpload(session);
    },

    openUpload: (name, id) =>
      sessions.factsOf(id)?.repository === name ? sessions.openContent(id) : undefined,

    async findUpload(name, id) {
      if (sessions.factsOf(id)?.repository !== name) return undefined;
      const session = await sessions.find(id);
      return session && toUpload(session);
    },

    async appendUpload(name, id, position, content, onWritten) {
      if (sessions.factsOf(id)?.repository !== name) throw unknownUpload(id);
      const outcome = await sessions.append(id, position, content, onWritten);
      if (outcome.kind === 'unknown') throw unknownUpload(id);
      const { receivedBytes } = outcome;
      if (outcome.kind === 'appended') return { id, receivedBytes };
      throw new RegistryError(
        'UPLOAD_OFFSET',
        `The upload has ${receivedBytes} bytes: what comes next must begin there.`,
        { details: { receivedBytes } },
      );
    },

    async finishUpload(name, id, digest: OciDigest) {
      if (sessions.factsOf(id)?.repository !== name) throw unknownUpload(id);
      const repository = repositories.open(name);
      const text = formatDigest(digest);
      const sizeBytes = await sessions.finish(id, digest, async (content) => {
        const onPlaced = () => leases.grant(repository, text);
        await keeper.put(content.file, text, content.sizeBytes, onPlaced);
        await leases.write(repository, text, { isDurable: true });
        return content.sizeBytes;
      });
      if (sizeBytes === undefined) throw unknownUpload(id);
      return { digest, sizeBytes };
    },

    async cancelUpload(name, id) {
      return sessions.factsOf(id)?.repository === name && sessions.remove(id);
    },
  };
}
