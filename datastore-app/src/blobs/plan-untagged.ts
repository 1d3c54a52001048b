// SPDX-License-Identifier: Apache-2.0
import type { DigestText } from './blob-files.ts';
import type { RepositoryRecord } from './repository-record.ts';

export interface UntaggedPolicy {
  /** So long a manifest without a tag stays; undefined: for ever. */
  readonly untaggedMs: number | undefined;
  /** So many versions of each tag stay, however old; what a tag pointed to before goes at once; undefined: no number. */
  readonly keptVersions: number | undefined;
}

/** Of a device without a clock battery: what is older was written before it knew the time. */
const UNBELIEVABLE_BEFORE_MS = Date.UTC(2020, 0);

/** Ranks of manifests among the versions of their tags, 0 for the newest; the best where there are several. */
function versionRanks({ versions }: RepositoryRecord): Map<DigestText, number> {
  const ranks = new Map<DigestText, number>();
  const seen = new Map<string, Set<DigestText>>();
  for (const { tag, digest } of versions.toReversed()) {
    const ofTag = seen.get(tag) ?? new Set();
    seen.set(tag, ofTag);
    if (ofTag.has(digest)) continue;
    ranks.set(digest, Math.min(ranks.get(digest) ?? Infinity, ofTag.size));
    ofTag.add(digest);
  }
  return ranks;
}

/**
 * Which manifests no tag leads to any more and are to go. One stays with the index that names it, and with what it
 * refers to, however deep: the children of a kept index, the signature of a kept image, the image of a kept index
 * that is itself a signature.
 */
export function planUntagged(
  record: RepositoryRecord,
  { untaggedMs, keptVersions }: UntaggedPolicy,
  nowMs: number,
): Set<DigestText> {
  const { manifests, tags } = record;
  if (untaggedMs === undefined && keptVersions === undefined) return new Set();
  const ranks = versionRanks(record);

  const isDue = (digest: DigestText, at: string): boolean => {
    const rank = ranks.get(digest);
    if (keptVersions !== undefined && rank !== undefined) return rank >= keptVersions;
    const atMs = Date.parse(at);
    return untaggedMs !== undefined && atMs >= UNBELIEVABLE_BEFORE_MS && nowMs - atMs >= untaggedMs;
  };

  const referrers = new Map<DigestText, DigestText[]>();
  for (const [digest, { subject }] of manifests) {
    if (subject !== undefined) referrers.set(subject, [...(referrers.get(subject) ?? []), digest]);
  }
  const kept = new Set<DigestText>();
  const waiting: DigestText[] = [...tags.values()].map(({ digest }) => digest);
  for (const [digest, { at, untagged }] of manifests) {
    if (!isDue(digest, untagged ?? at)) waiting.push(digest);
  }
  for (let digest = waiting.pop(); digest !== undefined; digest = waiting.pop()) {
    if (kept.has(digest)) continue;
    kept.add(digest);
    waiting.push(...(manifests.get(digest)?.children ?? []), ...(referrers.get(digest) ?? []));
  }
  return new Set([...manifests.keys()].filter((digest) => !kept.has(digest)));
}
