// SPDX-License-Identifier: Apache-2.0
import type { DigestText } from '../blobs/blob-files.ts';
import type { ReferenceRecord, RepositoryRecord } from '../blobs/repository-record.ts';

/** The manifests that a tag leads to, whether or not they are here. */
function* manifestsOf(record: RepositoryRecord, tag: string): Generator<DigestText> {
  const top = record.tags.get(tag)?.digest;
  const seen = new Set<DigestText>();
  const waiting = top === undefined ? [] : [top];
  for (let digest = waiting.pop(); digest !== undefined; digest = waiting.pop()) {
    if (seen.has(digest)) continue;
    seen.add(digest);
    yield digest;
    waiting.push(...(record.manifests.get(digest)?.children ?? []));
  }
}

/** The reference whose image has a manifest, or needs a blob, of a digest. */
export function referenceOf(
  record: RepositoryRecord,
  digest: DigestText,
  kind: 'manifest' | 'blob',
): ReferenceRecord | undefined {
  for (const [tag, reference] of record.references ?? []) {
    for (const each of manifestsOf(record, tag)) {
      if (kind === 'manifest' && each === digest) return reference;
      const blobs = kind === 'blob' ? record.manifests.get(each)?.blobs : undefined;
      if (blobs?.some((blob) => blob.digest === digest) === true) return reference;
    }
  }
  return undefined;
}
