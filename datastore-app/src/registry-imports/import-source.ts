// SPDX-License-Identifier: Apache-2.0
import {
  formatImageReference,
  type ImageReference,
  isRepositoryName,
  isTag,
  parseImageReference,
  TAG_RULES,
  whyNoRepositoryName,
} from '@local-datastore/shared/oci/reference';

/** What a source begins with, as skopeo and others write it. */
export const DOCKER_SCHEME = 'docker://';
/** By this name people know Docker Hub; its registry answers by the other one. */
const HUB = 'docker.io';
const HUB_REGISTRY = 'registry-1.docker.io';
const MAX_SOURCE_LENGTH = 1024;

export type Parsed<T> =
  | { readonly kind: 'parsed'; readonly value: T }
  /** @property reason as a sentence */
  | { readonly kind: 'invalid'; readonly reason: string };

const invalid = (reason: string) => ({ kind: 'invalid', reason }) as const;

/** Docker's rule: what stands before the first slash is a host if it could be no name of a repository's part. */
function withHost(text: string): string {
  const slash = text.indexOf('/');
  const first = slash < 0 ? '' : text.slice(0, slash);
  const isHost = first === 'localhost' || /[.:[]/.test(first);
  const [host, rest] = isHost ? [first, text.slice(slash + 1)] : [HUB, text];
  // Docker Hub has its own images below `library/`, which people leave out.
  return `${host}/${host === HUB && !rest.includes('/') ? `library/${rest}` : rest}`;
}

/**
 * Reads `docker://host[:port]/name[:tag][@digest]`. Without a host it is Docker Hub, as for all clients; without tag
 * and digest the tag is left out, and whoever imports takes `latest`.
 */
export function parseImportSource(text: string): Parsed<ImageReference> {
  if (!text.startsWith(DOCKER_SCHEME)) {
    return invalid('A source such as "docker://registry.example/lab/app:1.2" is expected.');
  }
  if (text.length > MAX_SOURCE_LENGTH)
    return invalid(`A source has at most ${MAX_SOURCE_LENGTH} characters.`);
  if (/^docker:\/\/[^/]*:[^/]*@[^/]*\//.test(text) && !/@sha(?:256|512):/.test(text)) {
    return invalid('No name and password stand in a source: they are given apart from it.');
  }
  const parsed = parseImageReference(withHost(text.slice(DOCKER_SCHEME.length)));
  if (parsed.kind === 'invalid') return invalid(parsed.reason);
  const { host } = parsed.reference;
  // A port of five digits may still be none.
  if (URL.parse(`https://${host}/`)?.host === undefined) return invalid(`"${host}" is no name of a host.`);
  return { kind: 'parsed', value: parsed.reference };
}

/** {@link parseImportSource} the other way round. */
export const formatImportSource = (reference: ImageReference): string =>
  `${DOCKER_SCHEME}${formatImageReference(reference)}`;

/** Scheme, host and port of the registry of a source. */
export function originOfSource({ host }: ImageReference, isInsecure: boolean): URL {
  return new URL(`${isInsecure ? 'http' : 'https'}://${host === HUB ? HUB_REGISTRY : host}/`);
}

/** How an image is to be called here. */
export interface ImportTarget {
  readonly repository: string;
  /** undefined: it is found by its digest alone, or there are several tags. */
  readonly tag: string | undefined;
  /** What was changed in the name, as a sentence. */
  readonly notice: string | undefined;
}

/** In lower case, where that alone makes it a name. */
function repositoryOf(name: string): Parsed<{ name: string; notice: string | undefined }> {
  if (isRepositoryName(name)) return { kind: 'parsed', value: { name, notice: undefined } };
  const lower = name.toLowerCase();
  if (!isRepositoryName(lower)) return invalid(whyNoRepositoryName(name) ?? '');
  const notice = `Repositories are named in lower case: "${name}" is "${lower}" here.`;
  return { kind: 'parsed', value: { name: lower, notice } };
}

/**
 * The name of an import: what was asked for (`name` or `name:tag`), or else that of the source, without its host.
 *
 * @param isSeveral several tags are imported: the name is that of the repository alone
 */
export function decideTarget(
  source: ImageReference,
  as: string | undefined,
  { isSeveral }: { readonly isSeveral: boolean },
): Parsed<ImportTarget> {
  const [, given = '', asked] = /^([^:@]*)(?::(.*))?$/s.exec(as ?? source.repository) ?? [];
  if (as?.includes('@') === true) return invalid(`"${as}": a name is expected, such as lab/app:1.2.`);
  const named = repositoryOf(given);
  if (named.kind === 'invalid') return named;
  const { name: repository, notice } = named.value;
  if (asked !== undefined && !isTag(asked)) return invalid(TAG_RULES);
  if (isSeveral) {
    if (asked === undefined) return { kind: 'parsed', value: { repository, tag: undefined, notice } };
    return invalid(`"${as}": several tags keep their own names: name the repository alone.`);
  }
  const own = source.tag ?? (source.digest === undefined ? 'latest' : undefined);
  return { kind: 'parsed', value: { repository, tag: asked ?? own, notice } };
}

/** What is asked of the registry: the digest says it, where there is one. */
export const wantedReference = ({ tag, digest }: ImageReference) =>
  digest === undefined ? { tag: tag ?? 'latest' } : { digest };
