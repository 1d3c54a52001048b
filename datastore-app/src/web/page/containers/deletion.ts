import type { RepositoryDetails, Tag } from '../api/registry-answers.ts';

/** The tag alone, or the image with all tags that lead to it. */
export type Extent = 'tag' | 'image';

/** The other tags of the same image. */
export const otherTags = (repository: RepositoryDetails, { tag, digest }: Tag): string[] =>
  repository.tags.filter((other) => other.digest === digest && other.tag !== tag).map((other) => other.tag);

const namesText = (names: readonly string[]) =>
  names.length === 1 ? `the tag ${names[0]}` : `the tags ${names.join(', ')}`;

/** What goes and what stays, as sentences for who is about to delete. */
export function deletionSentences(repository: RepositoryDetails, tag: Tag, extent: Extent): string[] {
  const others = otherTags(repository, tag);
  const sentences =
    extent === 'tag'
      ? [
          `The tag ${tag.tag} goes: nobody can pull the image by it any more.`,
          others.length > 0
            ? `The image itself stays, as ${namesText(others)}.`
            : 'The image itself stays without a tag: it can be pulled by its digest for as long as untagged images are kept here.',
        ]
      : [
          `The image goes with ${namesText([tag.tag, ...others])}: nobody can pull it any more, by its digest neither.`,
          'Its blobs are freed by the next collection, as far as no other image uses them.',
        ];
  if (repository.kind === 'upstream') {
    sentences.push('When it is asked for again, it is imported again, as far as the upstream still has it.');
  }
  return sentences;
}
