// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { formatDigest } from '@local-datastore/shared/oci/digest';
import type { RegistryAccess } from '../access/registry-access.ts';
import { artifactPath, type DiskArtifact, type DiskArtifacts } from '../container-images/disk-artifacts.ts';

/** The disks of the registry that whoever asks may pull, and what tells this list from another. */
export interface ListedArtifacts {
  readonly artifacts: readonly DiskArtifact[];
  /** Empty: there are none. */
  readonly revision: string;
}

export type ListArtifacts = (request: IncomingMessage) => Promise<ListedArtifacts>;

const NONE: ListedArtifacts = { artifacts: [], revision: '' };

/** @param registry undefined: it is off, and there are none */
export function createArtifactList(
  registry:
    | { readonly access: Pick<RegistryAccess, 'decide'>; readonly artifacts: DiskArtifacts }
    | undefined,
): ListArtifacts {
  if (registry === undefined) return async () => NONE;
  const { access, artifacts } = registry;
  return async (request) => {
    const allowed = await access.decide(request, { action: 'catalog', repository: undefined });
    if (allowed.kind !== 'allowed') return NONE;
    const found = await artifacts.list({
      sees: allowed.sees,
      hasTag: (repository, tag) => allowed.may('pull', repository) || allowed.may('pull', repository, tag),
    });
    if (found.length === 0) return NONE;
    const hash = createHash('sha256');
    for (const artifact of found) {
      hash.update(
        `${artifactPath(artifact)} ${formatDigest(artifact.digest)} ${artifact.pushed} ${artifact.isReleased}\n`,
      );
    }
    return { artifacts: found, revision: hash.digest('hex').slice(0, 16) };
  };
}
