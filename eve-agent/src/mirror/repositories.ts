// SPDX-License-Identifier: Apache-2.0
import type { OciDigest } from '@local-datastore/shared/oci/digest';
import { createRegistryAuthorization, type RegistryAuthorization } from '../registry/authorization.ts';
import type { FetchDocument } from '../registry/fetch-document.ts';
import { createRegistryClient, type RegistryClient } from '../registry/registry-client.ts';
import type { BlobSource } from './blob-flights.ts';
import type { Place } from './places.ts';

/** One repository of one registry, with its token, which is asked for once. */
export interface Repository {
  readonly client: RegistryClient;
  sourceOf(digest: OciDigest): BlobSource;
}

/** The value of `Authorization` for a registry and a repository there; null: none. */
export type FindCredential = (host: string, repository: string) => string | null;

const MAX_REPOSITORIES = 1000;

/**
 * @param findCredential what may be shown to a registry: of each its own alone
 * @param ca PEM that replaces the system's roots
 */
export function createRepositories(
  fetchDocument: FetchDocument,
  findCredential: FindCredential,
  ca: string | null,
): (place: Place) => Repository {
  const known = new Map<string, Repository>();

  function create({ registry, repository, namespace }: Place, given: string | null): Repository {
    const authorization: RegistryAuthorization = createRegistryAuthorization(fetchDocument, {
      ...{ registry, repository, given, ca, allowsInternal: false },
    });
    const image = { registry, repository };
    const client = createRegistryClient(fetchDocument, { image, authorization, ca, namespace });
    return {
      client,
      sourceOf: (digest) => ({
        ...{ url: client.blobUrl(digest), ca },
        authorization: authorization.current,
        renewAuthorization: authorization.renew,
      }),
    };
  }

  return (place) => {
    const given = findCredential(place.registry.host, place.repository);
    const key = JSON.stringify([place.registry.href, place.repository, place.namespace, given]);
    const made = known.get(key) ?? create(place, given);
    known.delete(key);
    known.set(key, made);
    const [oldest] = known.keys();
    if (known.size > MAX_REPOSITORIES && oldest !== undefined) known.delete(oldest);
    return made;
  };
}
