// SPDX-License-Identifier: Apache-2.0
import type { ManifestReference } from '@local-datastore/shared/oci/reference';
import { parseRegistryImage } from '../registry/image-reference.ts';
import { isLocalName, type MirroredName } from './mirror-path.ts';

/**
 * What may come from datastores that a name does not name. Content by its digest may come from anybody, as the digest
 * is checked; what a tag leads to is the word of whoever is asked, and any neighbour on a bridge can be asked.
 */
export const ANY_CHOICES = ['nothing', 'digests', 'tags'] as const;
export type AnyChoice = (typeof ANY_CHOICES)[number];

/** A registry that may have a repository, and how it is asked for it there. */
export interface Place {
  readonly registry: URL;
  readonly repository: string;
  /** What is sent as `?ns=`, as containerd does to a mirror: the registry that is meant; null: it is this one. */
  readonly namespace: string | null;
}

/** Whether other datastores than the one that a name names may be asked. */
export const mayAskOthers = (choice: AnyChoice, reference: ManifestReference, isNamed: boolean): boolean =>
  'digest' in reference ? choice !== 'nothing' : choice === 'tags' && !isNamed;

/**
 * The datastore that a name itself names; null: it names none on `.local`.
 *
 * @param isTls whether registries are spoken to over https
 */
export function namedPlace(name: MirroredName, isTls: boolean): Place | null {
  if (!isLocalName(name)) return null;
  const { registry, repository } = parseRegistryImage(
    `${name.host}/${name.repository}`,
    isTls ? 'https' : undefined,
  );
  return { registry, repository, namespace: null };
}

/** The same name at other datastores. */
export const otherPlaces = (name: MirroredName, others: readonly URL[], named: Place | null): Place[] =>
  others
    .filter(({ origin }) => origin !== named?.registry.origin)
    .map((registry) => ({ registry, repository: name.repository, namespace: name.host }));
