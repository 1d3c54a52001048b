// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import { formatDigest, type OciDigest } from '@local-datastore/shared/oci/digest';
import { MAX_MANIFEST_BYTES } from '@local-datastore/shared/oci/manifest';
import { createBlobFiles } from '../blobs/blob-files.ts';
import { createRepositoryFiles } from '../blobs/repository-files.ts';
import { parseRepositoryRecord, type RepositoryRecord } from '../blobs/repository-record.ts';
import { whyNotOurVersion } from '../blobs/store-version.ts';
import { createDiskArtifacts, type DiskArtifact } from '../container-images/disk-artifacts.ts';
import { createSourceReadAt, wholeFile } from '../content/byte-source.ts';
import { ownParser } from '../parsing/run-task.ts';

/** A record that cannot be read keeps none of the others from being listed; `serve` tells of it. */
function readRecords(root: string): Map<string, RepositoryRecord> {
  const records = new Map<string, RepositoryRecord>();
  for (const { name, text } of createRepositoryFiles(root).load(() => {})) {
    if (text === undefined) continue;
    try {
      records.set(
        name,
        parseRepositoryRecord(text, name, (digest) => digest),
      );
    } catch {}
  }
  return records;
}

/** The disks that were pushed to the registry of a root, read from its files, whether or not a datastore runs. */
export async function listArtifacts(root: string): Promise<DiskArtifact[]> {
  if (whyNotOurVersion(root) !== undefined) return [];
  const records = readRecords(root);
  const files = createBlobFiles(root);

  function openBlob(digest: OciDigest) {
    const file = files.open(formatDigest(digest));
    return file && { digest, sizeBytes: file.version.sizeBytes, source: wholeFile(file) };
  }

  const artifacts = createDiskArtifacts({
    parser: ownParser,
    find: (name) => {
      const record = records.get(name);
      return record && { record, origin: { kind: 'pushed' } };
    },
    stored: {
      listRepositories: async () => ({ names: [...records.keys()].sort(), isMore: false }),
      openBlob: async (_name, digest) => openBlob(digest),
      async readManifest(name, reference) {
        if (!('digest' in reference)) return undefined;
        const { digest } = reference;
        const mediaType = records.get(name)?.manifests.get(formatDigest(digest))?.mediaType;
        const blob = openBlob(digest);
        if (mediaType === undefined || blob === undefined) return undefined;
        try {
          if (blob.sizeBytes > MAX_MANIFEST_BYTES) return undefined;
          const bytes = await createSourceReadAt(blob.source)(0, blob.sizeBytes);
          const hex = createHash(digest.algorithm).update(bytes).digest('hex');
          return hex === digest.hex ? { digest, mediaType, bytes } : undefined;
        } finally {
          blob.source.close();
        }
      },
    },
  });
  return artifacts.list({ sees: () => true, hasTag: () => true });
}
