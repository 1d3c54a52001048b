// SPDX-License-Identifier: Apache-2.0
import type { OciDigest } from '@local-datastore/shared/oci/digest';
import { isRepositoryName, isTag, MAX_NAME_LENGTH } from '@local-datastore/shared/oci/reference';

/** Repositories of archives stand below this name, where nothing can be pushed. */
export const ARCHIVES_NAMESPACE = 'archives';

const SUFFIX = /\.tar$/;
/** What may stand between letters and digits of a repository's name. */
const SEPARATORS = new Set(['.', '_', '__']);

/** A folder or a file as a component of a repository's name; empty where nothing of it can be in one. */
const componentOf = (name: string) =>
  name
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, (run) => (SEPARATORS.has(run) || /^-+$/.test(run) ? run : '-'))
    .replace(/^[^a-z0-9]+|[^a-z0-9]+$/g, '');

export type ArchiveName =
  | { readonly kind: 'named'; readonly repository: string }
  /** @property reason as a sentence */
  | { readonly kind: 'unnamed'; readonly reason: string };

/** The repository as which an archive is offered: by its path, in what letters repositories have. */
export function repositoryOfPath(path: string): ArchiveName {
  const components = path.toLowerCase().replace(SUFFIX, '').split('/').map(componentOf);
  const repository = [ARCHIVES_NAMESPACE, ...components].join('/');
  if (components.includes('')) {
    return {
      kind: 'unnamed',
      reason: 'Its name has no Latin letter or digit, of which names of repositories are made: rename it.',
    };
  }
  if (isRepositoryName(repository)) return { kind: 'named', repository };
  return {
    kind: 'unnamed',
    reason: `Its path is too long for a repository, whose name has at most ${MAX_NAME_LENGTH} characters: rename it.`,
  };
}

/** A name in an archive, taken apart as it stands there: nothing says that a repository may be called so. */
export interface NameInArchive {
  /** Without host; undefined: it says a tag alone. */
  readonly repository: string | undefined;
  readonly tag: string;
}

/** Takes a name apart: `host/name:tag`, `name`, or a tag alone; a digest behind it is left out. */
export function splitArchiveName(name: string): NameInArchive {
  const [named = ''] = name.split('@', 1);
  const colon = named.lastIndexOf(':');
  const hasTag = colon > named.lastIndexOf('/');
  if (!hasTag && !named.includes('/')) return { repository: undefined, tag: named };
  const tag = hasTag ? named.slice(colon + 1) : 'latest';
  const [first = '', ...rest] = (hasTag ? named.slice(0, colon) : named).split('/');
  const isHost = rest.length > 0 && (/[.:]/.test(first) || first === 'localhost');
  const path = isHost ? rest : [first, ...rest];
  const repository = (path[0] === 'library' && path.length === 2 ? path.slice(1) : path).join('/');
  return { repository, tag };
}

/** @returns undefined for what no client could ask for */
function parseName(name: string): NameInArchive | undefined {
  const parsed = splitArchiveName(name);
  const { repository, tag } = parsed;
  return isTag(tag) && (repository === undefined || isRepositoryName(repository)) ? parsed : undefined;
}

/**
 * The repositories of an archive with their tags. Where it names one repository, or none, its tags are those of the
 * archive's own; where it names several, each stands below it. What has no name is `latest`, if that is free.
 *
 * @param base of the archive, from {@link repositoryOfPath}
 * @param images as the archive names them
 */
export function repositoriesOf(
  base: string,
  images: readonly { readonly names: readonly string[]; readonly digest: OciDigest }[],
): Map<string, Map<string, OciDigest>> {
  const named = images.flatMap(({ names, digest }) =>
    names.flatMap((name) => ({ digest, name: parseName(name) })).filter(({ name }) => name !== undefined),
  );
  const isOne = new Set(named.flatMap(({ name }) => name?.repository ?? [])).size < 2;
  const repositories = new Map<string, Map<string, OciDigest>>([[base, new Map()]]);
  const tag = (repository: string, name: string, digest: OciDigest) => {
    const tags = repositories.get(repository) ?? new Map<string, OciDigest>();
    repositories.set(repository, tags);
    if (!tags.has(name)) tags.set(name, digest);
  };
  for (const { name, digest } of named) {
    const below = isOne || name?.repository === undefined ? base : `${base}/${name.repository}`;
    tag(isRepositoryName(below) ? below : base, name?.tag ?? 'latest', digest);
  }
  const tagged = new Set(named.map(({ digest }) => digest.hex));
  const unnamed = images.find(({ digest }) => !tagged.has(digest.hex));
  if (unnamed !== undefined) tag(base, 'latest', unnamed.digest);
  return repositories;
}
