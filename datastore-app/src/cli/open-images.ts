// SPDX-License-Identifier: Apache-2.0
import type { Log } from '@local-datastore/shared/log';
import { listNetworkLinks } from '../advertise/network-links.ts';
import { selectInterfaces } from '../advertise/responder-plan.ts';
import { openArchives } from '../archives/open-archives.ts';
import { createBlobReads } from '../blobs/blob-reads.ts';
import { openRegistry, type Registry } from '../blobs/open-registry.ts';
import type { NoteChange } from '../changes/change.ts';
import type { ServeOptions } from '../config.ts';
import { areInodesPermanent, isLocal } from '../content/file-system-type.ts';
import { createHasher, createHasherGroup, type Hasher } from '../content/hasher.ts';
import { readsAtOnceOf } from '../content/reads-at-once.ts';
import { createSpace, type Space } from '../content/space.ts';
import { incomingDirectoryOf } from '../content/staging.ts';
import { createCatalogue, imageFilesBelow } from '../images/catalogue.ts';
import { loadImageIndex } from '../images/image-index.ts';
import { createImageStore } from '../images/image-store.ts';
import { createImageOpener } from '../images/open-image.ts';
import { createRootWatch } from '../images/root-watch.ts';
import { diskSpaceOf, type Storage } from '../images/storage.ts';
import { createTellingSearch } from '../images/telling-file-system.ts';
import { createWriterSearch } from '../images/writers.ts';
import { openImports } from '../registry-imports/open-imports.ts';
import type { OpenParser } from '../sandbox/monitor/open-parser.ts';
import { createVerificationInbox } from '../scrub/verification-inbox.ts';
import { createUploadFiles } from '../uploads/upload-files.ts';
import { createUploads } from '../uploads/uploads.ts';
import { createLocalHostFinder, type FindLocalHost } from '../upstream/find-local-host.ts';
import { createImageParts } from '../upstream/images/image-landing.ts';
import { openImageUpstreams } from '../upstream/images/open-image-upstreams.ts';
import { openUpstreams } from '../upstream/open-upstreams.ts';

const HOUR_MS = 3_600_000;

/** The registry's store; undefined where it is off. */
function openRegistryOf(
  log: Log,
  options: ServeOptions,
  { root, state, space, hash }: Storage & { space: Space; hash: Hasher['hash'] },
): Registry | undefined {
  if (options.registry === 'off') return undefined;
  const { untagged, keptVersions, registryTrash, uploadExpiry } = options;
  return openRegistry(
    { log, space, hash, reads: createBlobReads({ stateDirectory: state }) },
    {
      root,
      uploadExpiryMs: uploadExpiry * HOUR_MS,
      trashMs: registryTrash * HOUR_MS,
      untaggedMs: untagged === undefined ? undefined : untagged * 24 * HOUR_MS,
      keptVersions,
    },
  );
}

/** Asks for hosts on `.local` where the own name is advertised. */
function localHostFinder({ interface: names = [], excludedInterfaces = [] }: ServeOptions): FindLocalHost {
  return createLocalHostFinder({
    links: () => listNetworkLinks(),
    select: (all) => selectInterfaces(all, names, excludedInterfaces).selected,
  });
}

/**
 * The images and the ways in, over the folders of the storage.
 *
 * @param parsing ends with them
 */
export async function openImages(
  { log, note }: { readonly log: Log; readonly note: NoteChange },
  options: ServeOptions,
  { root, state }: Storage,
  parsing: OpenParser,
) {
  const readsAtOnce = await readsAtOnceOf(root);
  const hasher = createHasherGroup(readsAtOnce);
  const catalogue = createCatalogue({
    ...{ log, hasher, readsAtOnce },
    index: await loadImageIndex(
      { log },
      { stateDirectory: state, areInodesPermanent: await areInodesPermanent(root) },
    ),
    watch: createRootWatch({ log, isTelling: createTellingSearch() }, { root }),
    areInodesPermanent: () => areInodesPermanent(root),
    findWriters: createWriterSearch({ isLocal: await isLocal(root) }),
    ...imageFilesBelow(root, parsing.parser),
  });
  const space = createSpace(
    {
      freeBytes: async () => (await diskSpaceOf(root)).freeBytes,
      usedBytes: (replaced) => catalogue.totalBytes(replaced) + (registry?.usedBytes() ?? 0),
      makeRoom: async () => (await registry?.makeRoom()) ?? false,
    },
    { reserveBytes: options.reserve, quotaBytes: options.quota },
  );
  // Of its own: who uploads does not wait until a large image of the folder is hashed.
  const uploadHasher = createHasher();
  const archiveHasher = createHasher();
  const operationHasher = createHasher();
  const scrubHasher = createHasher({ reading: { isDirect: true, bytesPerSecond: options.scrubRate } });
  const registry = openRegistryOf(log, options, { root, state, space, hash: uploadHasher.hash });
  const store = createImageStore(
    {
      space,
      hash: uploadHasher.hash,
      onPublished: catalogue.notePublished,
      onRemoved: catalogue.noteRemoved,
      onRenamed: catalogue.noteRenamed,
      caseTwinOf: catalogue.caseTwinOf,
      log,
    },
    { root, owner: 'serve' },
  );
  const uploads = createUploads(
    { log, note, files: createUploadFiles(incomingDirectoryOf(root)), store, space },
    { expiryMs: options.uploadExpiry * 3_600_000 },
  );
  const findLocalHost = localHostFinder(options);
  const upstreams = await openUpstreams(
    { log, findLocalHost },
    { stateDirectory: state, upstreamsFile: options.upstreams },
  );
  const parts = createImageParts(
    { space, hash: uploadHasher.hash },
    { incoming: incomingDirectoryOf(root), expiryMs: options.uploadExpiry * HOUR_MS },
  );
  return {
    catalogue,
    store,
    uploads,
    registry,
    upstreams,
    parsing,
    imageUpstreams: openImageUpstreams({
      ...{ log, parts, store, catalogue, findLocalHost },
      upstreams: upstreams.images,
      openImage: createImageOpener(root),
    }),
    archives: openArchives(
      { log, catalogue, hash: archiveHasher.hash, parser: parsing.parser },
      { root, stateDirectory: state },
    ),
    openImports: openImports({ log, note, findLocalHost, upstreams }, { stateDirectory: state }),
    inbox: createVerificationInbox({ stateDirectory: state }),
    scrubHasher,
    operationHasher,
    async stop() {
      await operationHasher.stop();
      await scrubHasher.stop();
      await archiveHasher.stop();
      await uploadHasher.stop();
      await hasher.stop();
      await parsing.stop();
      await catalogue.stopped();
    },
  };
}
