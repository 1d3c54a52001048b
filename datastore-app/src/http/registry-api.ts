// SPDX-License-Identifier: Apache-2.0
import type { Log } from '@local-datastore/shared/log';
import type { Places } from '../access/places.ts';
import type { RegistryAccess } from '../access/registry-access.ts';
import type { DownloadLog } from '../activity/downloads.ts';
import { createImporter, type Importer } from '../archive-imports/importer.ts';
import { listInventory } from '../archive-imports/inventory.ts';
import type { Archives } from '../archives/archives.ts';
import type { Registry } from '../blobs/open-registry.ts';
import type { BlobInfo, RegistryStore } from '../blobs/registry-store.ts';
import type { NoteChange } from '../changes/change.ts';
import { createDiskArtifacts, type DiskArtifacts } from '../container-images/disk-artifacts.ts';
import { createPlatformReader, type PlatformsOf } from '../container-images/image-platforms.ts';
import { createRepositoryFinder, type FindRepository } from '../container-images/known-repositories.ts';
import type { RepositoryValidationDeps } from '../container-images/validate-repository.ts';
import type { FileParser } from '../parsing/file-parser.ts';
import type { ImportJobs } from '../registry-imports/import-jobs.ts';
import type { OpenUpstreams } from '../upstream/open-upstreams.ts';
import { createRegistryGate, type RegistryGate } from './registry-gate.ts';
import type { SendSource } from './send-source.ts';

/** What the API's part for the registry works with. */
export interface RegistryApi {
  readonly log: Log;
  readonly note: NoteChange;
  readonly gate: RegistryGate;
  readonly find: FindRepository;
  readonly platformsOf: PlatformsOf;
  /** Tags that lead to a disk. */
  readonly artifacts: DiskArtifacts;
  /** What is here: nothing is imported to be listed or changed. */
  readonly stored: RegistryStore;
  /** That, and what upstreams have. */
  readonly shown: RegistryStore;
  readonly upstreams: OpenUpstreams;
  /** Imports that were asked for. */
  readonly imports: ImportJobs;
  readonly sendSource: SendSource;
  readonly downloads: Pick<DownloadLog, 'begin'>;
  readonly places: Pick<Places, 'publicFor'>;
  readonly importer: Importer;
  /** Of the repositories of which everything may be pulled. */
  inventory(mayPull: (repository: string) => boolean): AsyncIterable<BlobInfo>;
  readonly noteDone: RegistryAccess['noteDone'];
  readonly noteDamaged: RepositoryValidationDeps['noteDamaged'];
}

export interface RegistryApiDeps
  extends Pick<
    RegistryApi,
    'log' | 'note' | 'stored' | 'shown' | 'upstreams' | 'imports' | 'sendSource' | 'downloads' | 'places'
  > {
  readonly access: RegistryAccess;
  readonly registry: Registry;
  readonly archives: Pick<Archives, 'repositories'>;
  readonly parser: FileParser;
}

export function createRegistryApi({
  access,
  registry,
  archives,
  parser,
  ...deps
}: RegistryApiDeps): RegistryApi {
  const find = createRepositoryFinder({
    recordOf: registry.recordOf,
    archives,
    upstreams: deps.upstreams.status,
  });
  return {
    ...deps,
    gate: createRegistryGate(access),
    find,
    artifacts: createDiskArtifacts({ stored: deps.stored, find, parser }),
    platformsOf: createPlatformReader(deps.stored),
    inventory: (mayPull) => listInventory({ store: registry }, mayPull),
    importer: createImporter({ note: deps.note, registry, shown: deps.shown, parser }),
    noteDone: access.noteDone,
    noteDamaged(text) {
      const verified = new Date().toISOString();
      const damaged = [...registry.verifiables()].filter(
        ({ digest: { algorithm, hex } }) => `${algorithm}:${hex}` === text,
      );
      registry.noteVerified(
        damaged.map(({ path, version }) => ({ path, version, verified, isCorrupt: true })),
      );
    },
  };
}
