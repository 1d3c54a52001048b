// SPDX-License-Identifier: Apache-2.0
import { parseOciDigest } from '@local-datastore/shared/oci/digest';
import { platformText, type WantedPlatform } from '@local-datastore/shared/oci/platform';
import {
  isTag,
  type ManifestReference,
  type RepositoryName,
  TAG_RULES,
  whyNoRepositoryName,
} from '@local-datastore/shared/oci/reference';

/** An image of this datastore, which needs no host. */
export interface LocalReference {
  readonly repository: RepositoryName;
  readonly reference: ManifestReference;
}

export type ParsedLocalReference =
  | (LocalReference & { readonly kind: 'reference' })
  /** @property reason as a sentence */
  | { readonly kind: 'invalid'; readonly reason: string };

const invalid = (reason: string): ParsedLocalReference => ({ kind: 'invalid', reason });

/** Reads `name:tag` or `name@digest`; without either the tag is `latest`, as for every client. */
export function parseLocalReference(text: string): ParsedLocalReference {
  const [, named = '', tag, pinned] = /^([^:@]*)(?::([^@]*))?(?:@(.*))?$/s.exec(text) ?? [];
  const whyNot = whyNoRepositoryName(named);
  if (whyNot !== undefined) return invalid(whyNot);
  if (tag !== undefined && !isTag(tag)) return invalid(TAG_RULES);
  if (pinned === undefined) {
    return { kind: 'reference', repository: named, reference: { tag: tag ?? 'latest' } };
  }
  const digest = parseOciDigest(pinned);
  if (digest === undefined) {
    return invalid('What stands behind "@" is no digest: "sha256:" and 64 digits, or "sha512:" and 128.');
  }
  return { kind: 'reference', repository: named, reference: { digest } };
}

/** How an export is called: of letters that every file system takes, and no shell minds. */
export function exportFileName(
  { repository, reference }: LocalReference,
  platform: WantedPlatform | undefined,
): string {
  const what = 'tag' in reference ? reference.tag : reference.digest.hex.slice(0, 12);
  const where = platform === undefined ? [] : platformText(platform).split('/');
  return `${[...repository.split('/'), what, ...where].join('-')}.tar`.slice(-200);
}
