import { setImmediate as nextTurn } from 'node:timers/promises';
import { errorMessage } from '@local-datastore/shared/errors';
import type { Log } from '@local-datastore/shared/log';
import { asStoreError } from '../content/store-error.ts';
import type { DigestText } from './blob-files.ts';
import type { BlobKeeper } from './blob-keeper.ts';
import type { BlobTable } from './blob-table.ts';
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
  /** Those with manifests, in the order of code units. */
  names(): readonly string[];
  /** Those whose records cannot be read, and why. */
  unreadable(): readonly { readonly name: string; readonly reason: string }[];
  /**
   * Changes the record of a repository: on the disk, and then in memory. To be called in the turn of the repository.
   * The same record is not written again.
   */
  save(repository: Repository, record: RepositoryRecord): Promise<void>;
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
/** So many are read before something else of the program may run. */
const LOADED_AT_ONCE = 50;

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
        .filter(({ record }) => record.manifests.size > 0)
        .map(({ name }) => name)
        .sort();
      return sortedNames;
    },

    unreadable: () =>
      [...repositories.values()].flatMap(({ name, trouble }) =>
        trouble === undefined ? [] : [{ name, reason: trouble }],
      ),

    async save(repository, record) {
      if (record === repository.record) return;
      try {
        await files.save(repository.name, repositoryRecordText(record));
      } catch (error) {
        throw asStoreError(error);
      }
      const hadManifests = repository.record.manifests.size > 0;
      setRecord(repository, record, table);
      if (hadManifests !== record.manifests.size > 0) sortedNames = undefined;
    },
  };
}
