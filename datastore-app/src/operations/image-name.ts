// SPDX-License-Identifier: Apache-2.0
import type { OciDigest } from '@local-datastore/shared/oci/digest';
import { formatManifestReference, isRepositoryName } from '@local-datastore/shared/oci/reference';
import { ARTIFACT_PREFIX } from '../container-images/disk-artifacts.ts';
import { parseLocalReference } from '../container-images/local-reference.ts';
import { isImagePath } from '../images/image-path.ts';
import { NAME_RULES } from '../images/placing.ts';

/** An image of the root, by its path. */
export interface FileName {
  readonly kind: 'file';
  readonly path: string;
}

/** A repository, or an image in it. */
export interface OciName {
  readonly kind: 'oci';
  readonly repository: string;
  /** undefined: the whole repository is meant. */
  readonly reference: { readonly tag: string } | { readonly digest: OciDigest } | undefined;
}

export type ImageName = FileName | OciName;

export type ParsedImageName =
  /** @property notice what a person should know: the name was written in another way */
  | { readonly kind: 'name'; readonly name: ImageName; readonly notice: string | undefined }
  /** @property reason as a sentence */
  | { readonly kind: 'invalid'; readonly reason: string };

/**
 * A repository in the letters that they have, `<project>/<group>/<name>`; what comes behind `:` or `@` is left alone.
 *
 * @returns the name, and a sentence where it was written in capital letters
 */
export function lowerCased(text: string): { readonly text: string; readonly notice: string | undefined } {
  const end = /[:@]/.exec(text)?.index ?? text.length;
  const lowered = `${text.slice(0, end).toLowerCase()}${text.slice(end)}`;
  const notice =
    lowered === text
      ? undefined
      : `Repositories have names in small letters: "${text}" is taken for "${lowered}".`;
  return { text: lowered, notice };
}

/** Reads the path of an image of the root, or `oci:` and a repository with a tag, a digest, or neither. */
export function parseImageName(given: string): ParsedImageName {
  if (!given.startsWith(ARTIFACT_PREFIX)) {
    const path = given.replace(/^\/+/, '');
    if (isImagePath(path)) return { kind: 'name', name: { kind: 'file', path }, notice: undefined };
    return {
      kind: 'invalid',
      reason: `"${given.slice(0, 200)}" cannot be the path of an image: ${NAME_RULES}.`,
    };
  }
  const { text, notice } = lowerCased(given.slice(ARTIFACT_PREFIX.length));
  if (isRepositoryName(text)) {
    return { kind: 'name', name: { kind: 'oci', repository: text, reference: undefined }, notice };
  }
  const parsed = parseLocalReference(text);
  if (parsed.kind === 'invalid')
    return { kind: 'invalid', reason: `"${given.slice(0, 300)}": ${parsed.reason}` };
  const { repository, reference } = parsed;
  return { kind: 'name', name: { kind: 'oci', repository, reference }, notice };
}

/** The name as it is given, and shown. */
export function formatImageName(name: ImageName): string {
  if (name.kind === 'file') return name.path;
  const { repository, reference } = name;
  if (reference === undefined) return `${ARTIFACT_PREFIX}${repository}`;
  const separator = 'tag' in reference ? ':' : '@';
  return `${ARTIFACT_PREFIX}${repository}${separator}${formatManifestReference(reference)}`;
}
