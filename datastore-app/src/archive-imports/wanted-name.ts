// SPDX-License-Identifier: Apache-2.0
import {
  isRepositoryName,
  isTag,
  TAG_RULES,
  whyNoRepositoryName,
} from '@local-datastore/shared/oci/reference';
import type { WantedName } from './import-names.ts';

export type ParsedWantedName =
  | (WantedName & { readonly kind: 'name' })
  /** @property reason as a sentence */
  | { readonly kind: 'invalid'; readonly reason: string };

/** Reads `name` or `name:tag`, as whoever imports says it: upper case is for the importer to lower. */
export function parseWantedName(text: string): ParsedWantedName {
  const [, repository = '', tag] = /^([^:@]*)(?::(.*))?$/s.exec(text) ?? [];
  const lower = repository.toLowerCase();
  if (!isRepositoryName(lower)) return { kind: 'invalid', reason: whyNoRepositoryName(lower) ?? '' };
  if (tag !== undefined && !isTag(tag)) return { kind: 'invalid', reason: TAG_RULES };
  return { kind: 'name', repository, tag };
}
