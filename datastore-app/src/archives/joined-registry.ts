// SPDX-License-Identifier: Apache-2.0
import { RegistryError } from '../blobs/registry-error.ts';
import type { RegistryStore } from '../blobs/registry-store.ts';
import { ARCHIVES_NAMESPACE } from './archive-naming.ts';
import type { RegistryReader } from './archive-registry.ts';

const isOfArchive = (repository: string) =>
  repository === ARCHIVES_NAMESPACE || repository.startsWith(`${ARCHIVES_NAMESPACE}/`);

/** @throws RegistryError READ_ONLY for what an archive is shown as */
export function requireNoArchive(repository: string): void {
  if (!isOfArchive(repository)) return;
  throw new RegistryError(
    'READ_ONLY',
    `Repositories below ${ARCHIVES_NAMESPACE}/ are the archives among the images: push to another name, or add, replace or delete the file.`,
  );
}

/**
 * Shows what archives of the root hold beside what was pushed. Below `archives/` everything is read-only: who wants to
 * change it changes the files.
 */
export function joinRegistry(store: RegistryStore, archives: RegistryReader): RegistryStore {
  const readerOf = (repository: string): RegistryReader => (isOfArchive(repository) ? archives : store);

  /** Refuses for archives; everything else is the store's. */
  const writable =
    <Rest extends unknown[], Result>(act: (repository: string, ...rest: Rest) => Promise<Result>) =>
    async (repository: string, ...rest: Rest): Promise<Result> => {
      requireNoArchive(repository);
      return act(repository, ...rest);
    };

  return {
    start: store.start,
    statBlob: (repository, ...rest) => readerOf(repository).statBlob(repository, ...rest),
    openBlob: (repository, ...rest) => readerOf(repository).openBlob(repository, ...rest),
    readManifest: (repository, ...rest) => readerOf(repository).readManifest(repository, ...rest),
    statManifest: (repository, ...rest) => readerOf(repository).statManifest(repository, ...rest),
    listTags: (repository, ...rest) => readerOf(repository).listTags(repository, ...rest),
    listReferrers: (repository, ...rest) => readerOf(repository).listReferrers(repository, ...rest),

    async listRepositories(wish) {
      const pages = await Promise.all([store.listRepositories(wish), archives.listRepositories(wish)]);
      const names = pages.flatMap((page) => page.names).sort();
      const isMore = pages.some((page) => page.isMore) || names.length > wish.limit;
      return { names: names.slice(0, wish.limit), isMore };
    },

    async mountBlob(digest, options) {
      requireNoArchive(options.to);
      // An archive may go at any time: what a repository has must be its own.
      if (options.from !== undefined && isOfArchive(options.from)) return false;
      // What imports keep meanwhile stands below the same name, and is nobody else's.
      const mayPull = (name: string) => !isOfArchive(name) && options.mayPull(name);
      return store.mountBlob(digest, { ...options, mayPull });
    },

    namedSize: store.namedSize,
    findImport: store.findImport,
    openUpload: store.openUpload,

    createUpload: writable(store.createUpload),
    findUpload: store.findUpload,
    appendUpload: writable(store.appendUpload),
    finishUpload: writable(store.finishUpload),
    cancelUpload: store.cancelUpload,
    putManifest: writable(store.putManifest),
    refer: writable(store.refer),
    deleteBlob: writable(store.deleteBlob),
    deleteTag: writable(store.deleteTag),
    deleteManifest: writable(store.deleteManifest),
    releaseTag: writable(store.releaseTag),
    renameTag: writable(store.renameTag),
    tagNextVersion: writable(store.tagNextVersion),
    purgeRepository: writable(store.purgeRepository),
    renameRepository: writable(async (repository, to) => {
      requireNoArchive(to);
      return store.renameRepository(repository, to);
    }),
  };
}
