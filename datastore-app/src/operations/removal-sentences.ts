// SPDX-License-Identifier: Apache-2.0
import { countText, sizeText } from '@local-datastore/shared/text/quantities';
import { requireNothingReleased, requireNotReleased, requireRemovable } from '../blobs/change-record.ts';
import type { RepositoryRecord } from '../blobs/repository-record.ts';
import { reachOf, sizeOf } from '../container-images/describe-repository.ts';

/** The tags that lead to a manifest, in order. */
export const tagsTo = ({ tags }: RepositoryRecord, digest: string): string[] =>
  [...tags]
    .filter(([, tag]) => tag.digest === digest)
    .map(([name]) => name)
    .sort();

/** What nothing else of a repository leads to once some manifests are gone. */
function freedBytes(record: RepositoryRecord, gone: ReadonlySet<string>): number {
  const kept = [...record.manifests.keys()].filter((digest) => !gone.has(digest));
  const left = reachOf(record, kept).blobs;
  const freed = [...reachOf(record, gone).blobs].filter(([digest]) => !left.has(digest));
  return freed.reduce((sum, [, sizeBytes]) => sum + sizeBytes, 0);
}

const collectedText = (bytes: number) =>
  bytes === 0
    ? 'No room comes free: other images of the repository need all of it.'
    : `${sizeText(bytes)} belong to nothing else of the repository: collected later, unless other repositories have them.`;

/** What a removal comes to. */
export interface RemovalPlan {
  /** What goes, and what stays, in plain words. */
  readonly sentences: readonly string[];
  /** What nothing else of the repository needs; other repositories may. */
  readonly freedBytes: number;
}

/** An image of a repository. */
interface Removed {
  readonly record: RepositoryRecord;
  readonly text: string;
}

/**
 * What goes with an image of a repository.
 *
 * @param tag by which it was called; undefined: by its digest
 * @throws RegistryError TAG_RELEASED, MANIFEST_REFERENCED
 */
export function planRemoval({ record, text }: Removed, tag: string | undefined, force: boolean): RemovalPlan {
  requireRemovable(record, text, { isForced: force });
  const tags = tagsTo(record, text);
  const also = tags.filter((each) => each !== tag);
  const bytes = freedBytes(record, new Set([text]));
  const sentences = [
    `${text} of ${record.name}, ${sizeText(sizeOf(reachOf(record, [text])))}: removed.`,
    ...(tags.length === 0 ? [] : [`${countText(tags.length, 'tag')} with it: ${tags.join(', ')}.`]),
    ...(also.length > 0 && tag !== undefined ? ['To remove a tag alone: registry untag.'] : []),
    collectedText(bytes),
  ];
  return { sentences, freedBytes: bytes };
}

/** What goes with a tag alone. @throws RegistryError TAG_RELEASED */
export function planUntagging({ record, text }: Removed, tag: string): RemovalPlan {
  requireNotReleased(record, tag);
  const others = tagsTo(record, text).filter((each) => each !== tag);
  const stays =
    others.length > 0
      ? `The image stays, as ${others.join(', ')}.`
      : 'The image stays without a tag: it can be pulled by its digest for as long as untagged images are kept here.';
  const sentences = [
    `${record.name}:${tag}: the tag is removed, and nobody can pull the image by it any more.`,
    stays,
    'No room comes free.',
  ];
  return { sentences, freedBytes: 0 };
}

/** What goes with a repository. @throws RegistryError TAG_RELEASED */
export function planPurge(record: RepositoryRecord): RemovalPlan {
  requireNothingReleased(record);
  const { name, tags, manifests } = record;
  const size = sizeText(sizeOf(reachOf(record, manifests.keys())));
  const what = `${countText(tags.size, 'tag')} and ${countText(manifests.size, 'manifest')}`;
  return {
    sentences: [`${name}, ${what}, ${size}: removed.`, 'What no other repository has is collected later.'],
    freedBytes: freedBytes(record, new Set(manifests.keys())),
  };
}
