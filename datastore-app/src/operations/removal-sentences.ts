import { sizeText } from '@local-datastore/shared/text/quantities';
import { requireRemovable } from '../blobs/change-record.ts';
import type { RepositoryRecord } from '../blobs/repository-record.ts';
import { reachOf, sizeOf } from '../container-images/describe-repository.ts';

export const countText = (count: number, one: string): string => `${count} ${one}${count === 1 ? '' : 's'}`;

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

/**
 * What goes with an image of a repository, in plain words.
 *
 * @param tag by which it was called; undefined: by its digest
 * @throws RegistryError TAG_RELEASED, MANIFEST_REFERENCED
 */
export function removalSentences(
  { record, text }: { readonly record: RepositoryRecord; readonly text: string },
  tag: string | undefined,
  force: boolean,
): readonly string[] {
  requireRemovable(record, text, { isForced: force });
  const tags = tagsTo(record, text);
  const also = tags.filter((each) => each !== tag);
  return [
    `${text} of ${record.name}, ${sizeText(sizeOf(reachOf(record, [text])))}: removed.`,
    ...(tags.length === 0 ? [] : [`${countText(tags.length, 'tag')} with it: ${tags.join(', ')}.`]),
    ...(also.length > 0 && tag !== undefined ? ['To remove a tag alone: registry untag.'] : []),
    collectedText(freedBytes(record, new Set([text]))),
  ];
}

/** What goes with a repository. */
export const purgeSentences = (record: RepositoryRecord): readonly string[] => {
  const { name, tags, manifests } = record;
  const size = sizeText(sizeOf(reachOf(record, manifests.keys())));
  const what = `${countText(tags.size, 'tag')} and ${countText(manifests.size, 'manifest')}`;
  return [`${name}, ${what}, ${size}: removed.`, 'What no other repository has is collected later.'];
};
