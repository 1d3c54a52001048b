// SPDX-License-Identifier: Apache-2.0
import { formatDigest } from '@local-datastore/shared/oci/digest';
import { lastVersionOf, requireNothingReleased, withManifest, withRenamedTag } from './change-record.ts';
import { RegistryError } from './registry-error.ts';
import type { RegistryStore } from './registry-store.ts';
import type { Repositories } from './repositories.ts';
import type { Repository } from './repository.ts';

/** The part of the store that changes repositories and names as a whole. */
export type RepositoryChanges = Pick<
  RegistryStore,
  'renameTag' | 'tagNextVersion' | 'purgeRepository' | 'renameRepository'
>;

export interface RepositoryChangesDeps {
  readonly repositories: Repositories;
  /** To be called before anything is written. @throws StoreError */
  prepare(): Promise<void>;
  /** In ms since 1970. */
  readonly now: () => number;
}

const LATEST = 'latest';

export function createRepositoryChanges({
  repositories,
  prepare,
  now,
}: RepositoryChangesDeps): RepositoryChanges {
  const findRecorded = (name: string): Repository | undefined => {
    const found = repositories.find(name);
    return found?.isRecorded === true ? found : undefined;
  };

  return {
    async renameTag(name, tag, to) {
      const repository = findRecorded(name);
      if (repository === undefined) return false;
      return repository.inTurn(async () => {
        const record = withRenamedTag(repository.record, tag, to);
        if (record !== undefined) await repositories.save(repository, record);
        return record !== undefined;
      });
    },

    async tagNextVersion(name, digest, by) {
      const repository = findRecorded(name);
      if (repository === undefined) return undefined;
      return repository.inTurn(async () => {
        const { record } = repository;
        const text = formatDigest(digest);
        const manifest = record.manifests.get(text);
        if (manifest === undefined) return undefined;
        const last = lastVersionOf(record);
        const isLast = last !== undefined && record.tags.get(String(last))?.digest === text;
        const version = String(isLast ? last : (last ?? 0) + 1);
        const tags = [version, LATEST];
        const at = new Date(now()).toISOString();
        await repositories.save(repository, withManifest(record, text, manifest, { tags, at, by }));
        return version;
      });
    },

    async purgeRepository(name) {
      const repository = findRecorded(name);
      if (repository === undefined) return false;
      return repository.inTurn(async () => {
        if (!repository.isRecorded) return false;
        requireNothingReleased(repository.record);
        await repositories.remove(repository);
        return true;
      });
    },

    async renameRepository(name, to) {
      if (findRecorded(name) === undefined) return false;
      if (name === to) throw new RegistryError('NAME_TAKEN', `${name} is its name already.`);
      await prepare();
      const [repository, target] = [repositories.open(name), repositories.open(to)];
      // Always in the same order: of two that exchange names neither waits for the other.
      const [first, second] = name < to ? [repository, target] : [target, repository];
      return first.inTurn(() =>
        second.inTurn(async () => {
          if (!repository.isRecorded) return false;
          if (target.record.manifests.size > 0) {
            throw new RegistryError('NAME_TAKEN', `There is a repository ${to} already.`);
          }
          requireNothingReleased(repository.record);
          await repositories.move(repository, target);
          return true;
        }),
      );
    },
  };
}
