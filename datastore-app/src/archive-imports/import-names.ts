// SPDX-License-Identifier: Apache-2.0
import { formatDigest } from '@local-datastore/shared/oci/digest';
import {
  isRepositoryName,
  isTag,
  TAG_RULES,
  whyNoRepositoryName,
} from '@local-datastore/shared/oci/reference';
import { splitArchiveName } from '../archives/archive-naming.ts';
import type { FoundImage, ImportFailure } from './archive-image.ts';

/** How images are to be called, where the import says it. */
export interface WantedName {
  /** As it was said. */
  readonly repository: string;
  /** undefined: the tags are those of the archive. */
  readonly tag: string | undefined;
  /** The one image becomes the next version of the repository, however the archive calls it; there is no `tag` then. */
  readonly isNextVersion?: boolean;
}

/** The tag that follows the versions. */
const LATEST = 'latest';

/** An image under a name. */
export interface NamedImage {
  readonly image: FoundImage;
  readonly repository: string;
  readonly tags: readonly string[];
  /** The repository as the archive, or whoever imports, writes it. */
  readonly source: string;
  /** Whether whoever imports named it so. */
  readonly isChosen: boolean;
  /** `tags` are then those that are known to be set; the number of the version is known once it has it. */
  readonly isNextVersion: boolean;
}

export interface NamingPlan {
  readonly named: readonly NamedImage[];
  readonly failed: readonly ImportFailure[];
  /** What a person should know, as sentences. */
  readonly notices: readonly string[];
}

/** How a person recognises an image. */
const shownName = ({ names, root }: FoundImage) => names[0] ?? formatDigest(root.digest);

type Name = { readonly repository: string; readonly tag: string };

/** The names that an image gets, or why it gets none. */
function namesOf(image: FoundImage, isOnly: boolean, wanted: WantedName | undefined): Name[] | string {
  const own = image.names.map(splitArchiveName);
  if (wanted === undefined) {
    const named = own.flatMap(({ repository, tag }) => (repository === undefined ? [] : { repository, tag }));
    if (named.length > 0) return named;
    return own.length === 0
      ? 'The archive does not name it: say how it is to be called.'
      : `The archive calls it "${own[0]?.tag}" alone: say of which repository.`;
  }
  const { repository, tag, isNextVersion = false } = wanted;
  if (isNextVersion) {
    return isOnly
      ? [{ repository, tag: LATEST }]
      : `There are several images, and the next version of "${repository}" is one: import them by their tags.`;
  }
  if (tag !== undefined) {
    return isOnly
      ? [{ repository, tag }]
      : `There are several images, and "${repository}:${tag}" names one: leave out the tag.`;
  }
  if (own.length > 0) return own.map((each) => ({ repository, tag: each.tag }));
  return isOnly ? [{ repository, tag: LATEST }] : 'The archive does not name it: import it by itself.';
}

/**
 * Decides under which names images are imported. Repositories are lower-cased, which is said; of two whose names differ
 * in that alone, the second is refused.
 *
 * @param wanted undefined: as the archive names them, without host
 * @param sourceOf how an existing repository was written where its images come from; undefined: there is none
 */
export function planNames(
  images: readonly FoundImage[],
  wanted: WantedName | undefined,
  sourceOf: (repository: string) => string | undefined,
): NamingPlan {
  const named: NamedImage[] = [];
  const failed: ImportFailure[] = [];
  const notices = new Set<string>();
  const sources = new Map<string, string>();
  const taken = new Set<string>();

  function accept(image: FoundImage, { repository: source, tag }: Name): void {
    const name = `${source}:${tag}`;
    const refuse = (code: ImportFailure['code'], message: string) => failed.push({ name, code, message });
    const repository = source.toLowerCase();
    if (!isRepositoryName(repository)) {
      refuse('NAME_INVALID', whyNoRepositoryName(repository) ?? '');
      return;
    }
    if (!isTag(tag)) {
      refuse('NAME_INVALID', TAG_RULES);
      return;
    }
    const isChosen = wanted !== undefined && wanted.repository === repository;
    const there = sources.get(repository) ?? sourceOf(repository);
    if (there !== undefined && there !== source && !isChosen) {
      refuse(
        'NAME_CONFLICT',
        `${repository} is taken by "${there}", which differs from "${source}" in upper and lower case alone: give another name.`,
      );
      return;
    }
    if (taken.has(`${repository}:${tag}`)) {
      refuse('NAME_CONFLICT', `Another image of the archive is ${repository}:${tag} already.`);
      return;
    }
    sources.set(repository, source);
    taken.add(`${repository}:${tag}`);
    if (repository !== source) {
      notices.add(`"${source}" is imported as ${repository}: repositories are named in lower case.`);
    }
    const at = named.findIndex((each) => each.image === image && each.repository === repository);
    const before = named[at];
    if (before === undefined) {
      const isNextVersion = wanted?.isNextVersion === true;
      named.push({ image, repository, tags: [tag], source, isChosen, isNextVersion });
    } else named[at] = { ...before, tags: [...before.tags, tag] };
  }

  for (const image of images) {
    const names = namesOf(image, images.length === 1, wanted);
    if (typeof names === 'string') {
      failed.push({ name: shownName(image), code: 'NAME_MISSING', message: names });
      continue;
    }
    for (const name of new Map(names.map((each) => [`${each.repository}:${each.tag}`, each])).values()) {
      accept(image, name);
    }
  }
  return { named, failed, notices: [...notices] };
}
