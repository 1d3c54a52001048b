// SPDX-License-Identifier: Apache-2.0
import { errorMessage } from '@local-datastore/shared/errors';
import type { Log } from '@local-datastore/shared/log';
import { isOciAlgorithm } from '@local-datastore/shared/oci/digest';
import { isRepositoryName } from '@local-datastore/shared/oci/reference';
import * as z from 'zod';
import type { Hasher } from '../content/hasher.ts';
import { createSessions } from '../content/sessions.ts';
import type { Space } from '../content/space.ts';
import { createStaging, incomingDirectoryOf } from '../content/staging.ts';
import { inWordsOfTheStore } from '../content/store-error.ts';
import type { Verifiable, Verification } from '../images/verification.ts';
import { createBlobFiles } from './blob-files.ts';
import { createBlobKeeper } from './blob-keeper.ts';
import type { BlobReads } from './blob-reads.ts';
import { createBlobTable } from './blob-table.ts';
import { createBlobs, type UploadFacts } from './blobs.ts';
import { type Collection, createCollection } from './collection.ts';
import { createLeases } from './leases.ts';
import { createManifests } from './manifests.ts';
import type { UntaggedPolicy } from './plan-untagged.ts';
import { createRegistryLists } from './registry-lists.ts';
import type { RegistryState } from './registry-state.ts';
import type { RegistryStore } from './registry-store.ts';
import { createRepositories } from './repositories.ts';
import { createRepositoryChanges } from './repository-changes.ts';
import { createRepositoryFiles } from './repository-files.ts';
import type { RepositoryRecord } from './repository-record.ts';
import { createBlobScrub } from './scrub-blobs.ts';
import { createVersionWriter, whyNotOurVersion } from './store-version.ts';

/** The registry's store, and what the datastore does for it. */
export interface Registry extends RegistryStore {
  /** All that is remembered of a repository. @throws RegistryError REPOSITORY_UNREADABLE */
  recordOf(repository: string): RepositoryRecord | undefined;
  state(): RegistryState;
  /** What blobs take on the disk, each once, and the trash. */
  usedBytes(): number;
  /** Empties the trash. @returns whether anything was in it */
  makeRoom(): Promise<boolean>;
  verifiables(): Iterable<Verifiable>;
  noteVerified(verifications: readonly Verification[]): Promise<void>;
  /** Removes uploads of which nothing came for long, and what was in the trash for long. @returns how many uploads */
  collectAbandoned(): Promise<number>;
  readonly collection: Collection;
}

export interface RegistryDeps {
  readonly log: Log;
  readonly space: Space;
  readonly hash: Hasher['hash'];
  /** Absent: when blobs were read again is not remembered over restarts. */
  readonly reads?: BlobReads;
  /** In ms since 1970. */
  readonly now?: () => number;
  /** In ms, of a clock that only goes forward. */
  readonly elapsed?: () => number;
}

export interface RegistryOptions extends UntaggedPolicy {
  /** Without symbolic links. */
  readonly root: string;
  readonly uploadExpiryMs: number;
  readonly trashMs: number;
  /** Absent: a day. */
  readonly leaseMs?: number;
}

const DAY_MS = 86_400_000;
const MAX_UPLOADS = 1000;

const factsSchema = z.object({
  repository: z.string().refine(isRepositoryName),
  algorithm: z.string().refine(isOciAlgorithm),
  expected: z.string().optional(),
});

function parseFacts(facts: unknown): UploadFacts | undefined {
  const parsed = factsSchema.safeParse(facts);
  return parsed.success ? (parsed.data as UploadFacts) : undefined;
}

/** Opens the registry's store below a root. Nothing is written there before something is pushed. */
export function openRegistry(deps: RegistryDeps, options: RegistryOptions): Registry {
  const { log, space, hash, now = Date.now, elapsed = () => performance.now() } = deps;
  const { root, trashMs, uploadExpiryMs, leaseMs = DAY_MS } = options;
  const incoming = incomingDirectoryOf(root);
  const table = createBlobTable();
  const blobFiles = createBlobFiles(root);
  const repositoryFiles = createRepositoryFiles(root);
  const keeper = createBlobKeeper({ log, files: blobFiles, table }, { elapsed, now });
  const leases = createLeases({ log, files: repositoryFiles, table }, { leaseMs, trashMs, elapsed, now });
  const repositories = createRepositories({ log, files: repositoryFiles, table, keeper, leases, now });
  const staging = createStaging({ space, hash, now }, { incoming, owner: 'registry' });
  const sessions = createSessions<UploadFacts>(
    { space, hash, now },
    { incoming, kind: 'oci', parseFacts, expiryMs: uploadExpiryMs, maxSessions: MAX_UPLOADS },
  );
  const troubles: string[] = [];
  const collection = createCollection(
    { log, table, files: blobFiles, keeper, leases, repositories, troubles: () => troubles, now, elapsed },
    options,
  );
  const { recall, ...scrub } = createBlobScrub(
    { log, table, keeper, files: blobFiles, reads: deps.reads },
    { root },
  );
  const writeVersion = createVersionWriter(root);
  const prepare = () => inWordsOfTheStore(writeVersion());

  return {
    ...createBlobs({ repositories, keeper, leases, sessions, prepare }),
    ...createManifests({ repositories, table, keeper, leases, staging, prepare, now }),
    ...createRegistryLists({ repositories }),
    ...createRepositoryChanges({ repositories, prepare, now }),
    ...scrub,
    collection,

    recordOf(name) {
      const repository = repositories.find(name);
      return repository?.isRecorded ? repository.record : undefined;
    },

    async start() {
      const whyNot = whyNotOurVersion(root);
      if (whyNot !== undefined) {
        log.error({ reason: whyNot }, 'the registry is not served');
        troubles.push(whyNot);
        repositories.close(whyNot);
        return;
      }
      troubles.push(...keeper.load(), ...(await repositories.load()));
      await recall();
      for (const reason of troubles) log.error({ reason }, 'a part of the registry cannot be read');
      collection.recover();
      try {
        await staging.collect(0);
      } catch (error) {
        log.warn({ reason: errorMessage(error) }, 'what an earlier run left could not be removed');
      }
      await sessions.start();
    },

    state: () => ({
      ...table.counts(),
      repositories: repositories.names().length,
      uploads: sessions.count(),
      collectedBytes: collection.collectedBytes(),
      unreadable: repositories.unreadable(),
      troubles,
    }),

    usedBytes() {
      const { blobBytes, trashBytes } = table.counts();
      return blobBytes + trashBytes;
    },

    makeRoom: async () => (await collection.emptyTrash({ isAll: true })) > 0,

    async collectAbandoned() {
      await collection.emptyTrash();
      return sessions.collectExpired();
    },
  };
}
