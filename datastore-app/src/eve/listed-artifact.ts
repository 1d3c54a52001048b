// SPDX-License-Identifier: Apache-2.0
import { artifactPath, type DiskArtifact, flatPath } from '../container-images/disk-artifacts.ts';
import { imageWarnings } from './image-warnings.ts';
import type { ListedImage } from './listed-image.ts';
import type { EveSettingsInput } from './settings-input.ts';

/** A disk of the registry, as images are listed: it is read as a file, and takes no second room. */
export function toListedArtifact(artifact: DiskArtifact): ListedImage {
  const { description, digest, sizeBytes, pushed, isReleased, repository, tag } = artifact;
  const { problems, ...described } = description;
  const path = artifactPath(artifact);
  return {
    ...{ path, sizeBytes, ...described, sha256: digest.algorithm === 'sha256' ? digest.hex : null },
    // What was pushed has been compared with its digest.
    ...{ state: 'ready', isGrowing: false, hashedBytes: sizeBytes, verifiedAt: null, modified: pushed },
    warnings: [...imageWarnings({ path, ...description, problems })],
    artifact: { repository, tag, flatPath: flatPath(artifact) },
    ...(isReleased && { isReleased }),
  };
}

/** What EVE is told of a disk of the registry: the address of its bytes, whatever its tag leads to later. */
export function artifactForEve(artifact: DiskArtifact): EveSettingsInput['image'] {
  const { digest, sizeBytes, description } = artifact;
  const { format, content, problems } = description;
  return {
    ...{ path: flatPath(artifact), sizeBytes, format, content, problems, state: 'ready' },
    sha256: digest.algorithm === 'sha256' ? digest.hex : null,
  };
}
