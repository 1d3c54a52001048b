// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { errorMessage } from '@local-datastore/shared/errors';
import type { Log } from '@local-datastore/shared/log';
import { asStoreError } from '../content/store-error.ts';
import type { DigestText } from './blob-files.ts';
import type { BlobKeeper } from './blob-keeper.ts';
import type { BlobTable } from './blob-table.ts';
import { emptyRecord } from './change-record.ts';
import type { Leases } from './leases.ts';
import { RegistryError } from './registry-error.ts';
import { createRepository, type Repository, setRecord } from './repository.ts';
import type { RepositoryFiles } from './repository-files.ts';
import { parseRepositoryRecord, type RepositoryRecord, repositoryRecordText } from './repository-record.ts';

/** The repositories in memory, and the way to change one. */
export interface Repositories {
  /** Nothing is read or written from now on, for a reason. */
  close(reason: string): void;
  /** Reads all records. One that cannot be read stops its repository alone. @returns what else could not be read */
  load(): Promise<string[]>;
  /** @throws RegistryError REPOSITORY_UNREADABLE */
  find(name: string): Repository | undefined;
  /** Makes one in memory where there is none. @throws RegistryError REPOSITORY_UNREADABLE, TOO_MANY */
  open(name: string): Repository;
  all(): Iterable<Repository>;
  /** Those with manifests, or references to some, in the order of code units. */
  names(): readonly string[];
  /** Those whose records cannot be read, and why. */
  unreadable(): readonly { readonly name: string; readonly reason: string }[];
  /**
   * Changes the record of a repository: on the disk, and then in memory. To be called in the turn of the repository.
   * The same record is not written again.
   */
  save(repository: Repository, record: RepositoryRecord): Promise<void>;
  /** Removes a repository: on the disk, and then in memory. To be called in its turn. */
  remove(repository: Repository): Promise<void>;
  /** Moves all that is remembered of a repository to another, empty one. To be called in the turns of both. */
  move(repository: Repository, to: Repository): Promise<void>;
}

export interface RepositoriesDeps {
  readonly log: Log;
  readonly files: RepositoryFiles;
  readonly table: BlobTable;
  readonly keeper: BlobKeeper;
  readonly leases: Leases;
  /** In ms since 1970. */
  readonly now: () => number;
}

const MAX_REPOSITORIES = 20_000;
const sha256Of = (text: string): string => createHash('sha256').update(text).digest('hex');

/** So many are read before something else of the program may run. */
const LOADED_AT_ONCE = 50;

const isListed = ({ manifests, references }: RepositoryRecord): boolean =>
  manifests.size > 0 || references !== undefined;

export function createRepositories(deps: RepositoriesDeps): Repositories {
  const { log, files, table, keeper, leases, now } = deps;
  const repositories = new Map<string, Repository>();
  let sortedNames: readonly string[] | undefined;
  let closed: string | undefined;

  const intern = (digest: DigestText) => table.entry(digest).digest;

  function requireReadable(repository: Repository): Repository {
    if (repository.trouble === undefined) return repository;
    throw new RegistryError(
      'REPOSITORY_UNREADABLE',
      `The record of ${repository.name} cannot be read: ${repository.trouble}. It is left as it is.`,
    );
  }

  /** A blob that was cut short before the start has another size than its manifests say. */
  function requireSizes({ manifests }: RepositoryRecord): void {
    for (const [digest, { sizeBytes, blobs }] of manifests) {
      for (const named of [{ digest, sizeBytes }, ...blobs]) {
        const entry = table.find(named.digest);
        if (entry?.place?.kind !== 'stored' || entry.sizeBytes === named.sizeBytes) continue;
        keeper.markDamaged(entry, `it has ${entry.sizeBytes} bytes in place of ${named.sizeBytes}`);
      }
    }
  }

  function readRecord(name: string, text: string): RepositoryRecord | string {
    try {
      return parseRepositoryRecord(text, name, intern);
    } catch (error) {
      return errorMessage(error);
    }
  }

  function requireOpen(): void {
    if (closed !== undefined) throw new RegistryError('REPOSITORY_UNREADABLE', closed);
  }

  /** Takes over that a repository has nothing any more. */
  function forget(repository: Repository): void {
    setRecord(repository, emptyRecord(repository.name, new Date(now()).toISOString()), table);
    repository.isRecorded = false;
    sortedNames = undefined;
  }

  /** What was given another name, and is still there under its old one, is what a crash left behind. */
  async function completeRenames(): Promise<void> {
    for (const { name, record } of [...repositories.values()]) {
      const { renamedFrom } = record;
      const old = renamedFrom === undefined ? undefined : repositories.get(renamedFrom.name);
      if (renamedFrom === undefined || old?.isRecorded !== true) continue;
      const text = files.read(old.name);
      if (text === undefined || sha256Of(text) !== renamedFrom.sha256) continue;
      forget(old);
      log.info({ from: old.name, to: name }, 'a repository was being renamed: it has its new name');
      try {
        await files.remove(old.name);
      } catch (error) {
        log.warn({ name: old.name, reason: errorMessage(error) }, 'the old record of a repository stays');
      }
    }
  }

  return {
    close(reason) {
      closed = reason;
    },

    async load() {
      const troubles: string[] = [];
      let count = 0;
      for (const found of files.load((reason) => troubles.push(reason))) {
        const { name, text } = found;
        const record = text === undefined ? undefined : readRecord(name, text);
        const trouble = found.trouble ?? (typeof record === 'string' ? record : undefined);
        const repository = createRepository(name, new Date(now()).toISOString(), trouble);
        repositories.set(name, repository);
        leases.takeUp(repository, found.leases);
        if (trouble !== undefined) {
          log.error({ name, reason: trouble }, 'the record of a repository cannot be read: it is not served');
        } else if (record !== undefined && typeof record !== 'string') {
          setRecord(repository, record, table);
          requireSizes(record);
        }
        count += 1;
        if (count % LOADED_AT_ONCE === 0) await nextTurn();
      }
      await completeRenames();
      return troubles;
    },

    find(name) {
      requireOpen();
      const repository = repositories.get(name);
      return repository && requireReadable(repository);
    },

    open(name) {
      requireOpen();
      const known = repositories.get(name);
      if (known !== undefined) return requireReadable(known);
      if (repositories.size >= MAX_REPOSITORIES) {
        throw new RegistryError(
          'TOO_MANY',
          `There are ${MAX_REPOSITORIES} repositories: no more can be made.`,
        );
      }
      const repository = createRepository(name, new Date(now()).toISOString());
      repositories.set(name, repository);
      return repository;
    },

    all: () => repositories.values(),

    names() {
      sortedNames ??= [...repositories.values()]
        .filter(({ record }) => isListed(record))
        .map(({ name }) => name)
        .sort();
      return sortedNames;
    },

    unreadable: () =>
      [...repositories.values()].flatMap(({ name, trouble }) =>
        trouble === undefined ? [] : [{ name, reason: trouble }],
      ),

    async save(repository, changed) {
      if (changed === repository.record) return;
      const { renamedFrom: _done, ...record } = changed;
      try {
        await files.save(repository.name, repositoryRecordText(record));
      } catch (error) {
        throw asStoreError(error);
      }
      const wasListed = isListed(repository.record);
      setRecord(repository, record, table);
      if (wasListed !== isListed(record)) sortedNames = undefined;
    },

    async remove(repository) {
      try {
        await files.remove(repository.name);
      } catch (error) {
        throw asStoreError(error);
      }
      forget(repository);
    },

    async move(repository, to) {
      const { name, record } = repository;
      const { renamedFrom: _done, ...own } = record;
      // Written anew: the text must be the one that its successor tells of.
      const text = repositoryRecordText(own);
      const moved = { ...own, name: to.name, renamedFrom: { name, sha256: sha256Of(text) } };
      try {
        await files.save(name, text);
        await files.save(to.name, repositoryRecordText(moved));
      } catch (error) {
        throw asStoreError(error);
      }
      // From here on it has its new name; in one turn, so that nobody sees it at both or at none.
      setRecord(to, moved, table);
      forget(repository);
      try {
        await files.remove(name);
      } catch (error) {
        log.warn(
          { name, reason: errorMessage(error) },
          'the old record of a repository stays until the next start',
        );
      }
    },
  };
}
