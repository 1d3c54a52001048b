import type { Log } from '@local-datastore/shared/log';
import type { Hasher } from '../content/hasher.ts';
import type { Catalogue } from '../images/catalogue.ts';
import { createImageOpener } from '../images/open-image.ts';
import { createArchiveRegistry, type RegistryReader } from './archive-registry.ts';
import { type Archives, type ContainerImage, createArchives } from './archives.ts';
import { readArchive } from './read-archive.ts';
import { createVerdictFiles } from './verdict-files.ts';

export interface OpenArchivesDeps {
  readonly log: Log;
  readonly catalogue: Pick<Catalogue, 'verifiables' | 'find' | 'revision'>;
  readonly hash: Hasher['hash'];
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
  { log, catalogue, hash }: OpenArchivesDeps,
  { root, stateDirectory }: OpenArchivesOptions,
): OpenArchives {
  const openImage = createImageOpener(root);

  /** Those whose digests are known, and that are sound. */
  function* containers(): Generator<ContainerImage> {
    for (const { path, version, digest } of catalogue.verifiables()) {
      const image = catalogue.find(path);
      if (image?.format !== 'container' || image.state !== 'ready' || digest.algorithm !== 'sha256') continue;
      yield { path, version, sha256: digest.hex };
    }
  }

  const archives = createArchives({
    ...{ log, containers, revision: catalogue.revision },
    read: (path, version) => readArchive({ openImage, hash }, path, version),
    files: createVerdictFiles({ stateDirectory }),
  });
  return { ...archives, registry: createArchiveRegistry({ archives, openImage }) };
}
