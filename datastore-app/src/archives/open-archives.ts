// SPDX-License-Identifier: Apache-2.0
import type { Log } from '@local-datastore/shared/log';
import type { Hasher } from '../content/hasher.ts';
import type { Catalogue } from '../images/catalogue.ts';
import { createImageOpener } from '../images/open-image.ts';
import type { FileParser } from '../parsing/file-parser.ts';
import { createArchiveRegistry, type RegistryReader } from './archive-registry.ts';
import { type Archives, type ContainerImage, createArchives } from './archives.ts';
import { readArchive } from './read-archive.ts';
import { createVerdictFiles } from './verdict-files.ts';

export interface OpenArchivesDeps {
  readonly log: Log;
  readonly catalogue: Pick<Catalogue, 'containers' | 'containersRevision'>;
  readonly hash: Hasher['hash'];
  readonly parser: FileParser;
}

export interface OpenArchivesOptions {
  /** Without symbolic links. */
  readonly root: string;
  readonly stateDirectory: string;
}

/** The container archives among the images, and what a registry shows of them. */
export interface OpenArchives extends Pick<Archives, 'follow' | 'problems' | 'repositories'> {
  readonly registry: RegistryReader;
}

export function openArchives(
  { log, catalogue, hash, parser }: OpenArchivesDeps,
  { root, stateDirectory }: OpenArchivesOptions,
): OpenArchives {
  const openImage = createImageOpener(root);

  const containers = (): ContainerImage[] =>
    catalogue.containers().map(({ path, version, digest }) => ({ path, version, sha256: digest.hex }));

  const archives = createArchives({
    ...{ log, containers, revision: catalogue.containersRevision },
    read: (path, version) => readArchive({ openImage, hash, parser }, path, version),
    files: createVerdictFiles({ stateDirectory }),
  });
  return { ...archives, registry: createArchiveRegistry({ archives, openImage }) };
}
