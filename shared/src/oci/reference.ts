// SPDX-License-Identifier: Apache-2.0
import { formatDigest, type OciDigest, parseOciDigest } from './digest.ts';

/** A repository's name, as the distribution specification has it ("Pulling manifests"). */
export type RepositoryName = string;

/**
 * Clients take no longer names. The host counts among them for some, and is not known here: whoever pushed by a name
 * can pull by it.
 */
export const MAX_NAME_LENGTH = 255;

const NAME_COMPONENT = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*$/;
const TAG = /^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$/;
/** A DNS name, an IPv4 address, or an IPv6 address in brackets; then a port. */
const HOST = /^(?:[a-zA-Z0-9](?:[a-zA-Z0-9.-]*[a-zA-Z0-9])?|\[[0-9a-fA-F:.]+\])(?::[0-9]{1,5})?$/;
const MAX_HOST_LENGTH = 255;

export const isRepositoryName = (text: string): boolean =>
  text.length <= MAX_NAME_LENGTH && text.split('/').every((component) => NAME_COMPONENT.test(component));

/** Why a text is no repository's name, as a sentence for whoever wrote it; undefined: it is one. */
export function whyNoRepositoryName(text: string): string | undefined {
  if (isRepositoryName(text)) return undefined;
  if (text === '') return 'A repository needs a name.';
  if (text.length > MAX_NAME_LENGTH) return `A repository's name has at most ${MAX_NAME_LENGTH} characters.`;
  const lower = text.toLowerCase();
  if (lower !== text && isRepositoryName(lower))
    return `Repositories are named in lower case: use "${lower}".`;
  return 'A repository\'s name is lower-case letters and digits, with single ".", one or two "_", or "-" between them, in parts that "/" separates.';
}

export const isTag = (text: string): boolean => TAG.test(text);

/** What picks a manifest of a repository. */
export type ManifestReference = { readonly tag: string } | { readonly digest: OciDigest };

/**
 * Reads the last part of a manifest's URL. No tag holds a colon, and every digest does.
 *
 * @returns undefined for what is neither
 */
export function parseManifestReference(text: string): ManifestReference | undefined {
  if (isTag(text)) return { tag: text };
  const digest = parseOciDigest(text);
  return digest && { digest };
}

/** {@link parseManifestReference} the other way round. */
export const formatManifestReference = (reference: ManifestReference): string =>
  'tag' in reference ? reference.tag : formatDigest(reference.digest);

/** An image by its full name: `host/name:tag@digest`. */
export interface ImageReference {
  /** With its port, where it has one. */
  readonly host: string;
  readonly repository: RepositoryName;
  readonly tag?: string;
  readonly digest?: OciDigest;
}

export type ParsedReference =
  | { readonly kind: 'reference'; readonly reference: ImageReference }
  /** @property reason as a sentence */
  | { readonly kind: 'invalid'; readonly reason: string };

const invalid = (reason: string): ParsedReference => ({ kind: 'invalid', reason });

/**
 * Reads `host[:port]/name[:tag][@digest]`. The host must be there: which one Docker would add, and `library/` before
 * some names, is for those to say who take Docker's short names. Where both tag and digest are given, the digest says
 * which image is meant.
 */
export function parseImageReference(text: string): ParsedReference {
  const slash = text.indexOf('/');
  if (slash <= 0) return invalid('A reference is a host, "/" and the name of a repository.');
  const host = text.slice(0, slash);
  if (host.length > MAX_HOST_LENGTH || !HOST.test(host)) return invalid(`"${host}" is no name of a host.`);
  const rest = text.slice(slash + 1);
  const at = rest.indexOf('@');
  const named = at < 0 ? rest : rest.slice(0, at);
  const digest = at < 0 ? undefined : parseOciDigest(rest.slice(at + 1));
  if (at >= 0 && digest === undefined) {
    return invalid('What stands behind "@" is no digest: "sha256:" and 64 digits, or "sha512:" and 128.');
  }
  const colon = named.indexOf(':');
  const repository = colon < 0 ? named : named.slice(0, colon);
  const tag = colon < 0 ? undefined : named.slice(colon + 1);
  const whyNot = whyNoRepositoryName(repository);
  if (whyNot !== undefined) return invalid(whyNot);
  if (tag !== undefined && !isTag(tag)) return invalid(TAG_RULES);
  const reference = {
    host,
    repository,
    ...(tag !== undefined && { tag }),
    ...(digest !== undefined && { digest }),
  };
  return { kind: 'reference', reference };
}

/** What a tag may be, as a sentence. */
export const TAG_RULES =
  'A tag is at most 128 letters, digits, "_", "." and "-", and begins with none of the last two.';

/** {@link parseImageReference} the other way round. */
export function formatImageReference({ host, repository, tag, digest }: ImageReference): string {
  const tagged = tag === undefined ? '' : `:${tag}`;
  const pinned = digest === undefined ? '' : `@${digest.algorithm}:${digest.hex}`;
  return `${host}/${repository}${tagged}${pinned}`;
}
