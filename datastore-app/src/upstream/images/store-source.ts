// SPDX-License-Identifier: Apache-2.0
import type { FindLocalHost } from '../find-local-host.ts';
import { createUpstreamRequests } from '../upstream-requests.ts';
import { createStoreAsker } from './ask-store.ts';
import type { ImagePlace, ImageUpstream } from './image-upstream-settings.ts';
import { checksumsForm, createListReader, datastoreForm, type ListForm, manifestForm } from './list-forms.ts';
import type { ImageSource } from './listed-file.ts';
import { objectsForm } from './objects-form.ts';
import { urlBelow } from './parse-list.ts';
import { explainStoreError } from './s3-answers.ts';
import { createRequestSigner } from './s3-signature.ts';

type RemotePlace = Exclude<ImagePlace, { kind: 'file' }>;

/** What a store is shown: a password, a signature, or nothing; others to which it leads are shown nothing. */
function authorizerOf(place: RemotePlace): Parameters<typeof createStoreAsker>[0]['authorize'] {
  const { origin } = place.base;
  if (place.kind === 's3') {
    const sign = createRequestSigner(place.credential, place);
    return async (target, method, headers) => (target.origin === origin ? sign(target, method, headers) : {});
  }
  const { credential } = place;
  if (credential === undefined) return async () => ({});
  const basic = `Basic ${Buffer.from(`${credential.user}:${credential.password}`).toString('base64')}`;
  return async (target) => (target.origin === origin ? { authorization: basic } : {});
}

/** Files of another datastore, of any web server with a list beside them, or of an object store. */
export function createStoreSource(
  {
    place,
    ca,
    listing,
    hosts,
  }: Pick<ImageUpstream, 'ca' | 'listing' | 'hosts'> & { readonly place: RemotePlace },
  findLocalHost: FindLocalHost,
): ImageSource {
  const requests = createUpstreamRequests({ ca, hosts }, findLocalHost);
  const asker = createStoreAsker({
    ...{ requests, authorize: authorizerOf(place) },
    ...(place.kind === 's3' && { explain: explainStoreError }),
  });
  const keyPrefix = place.kind === 's3' ? place.keyPrefix : '';
  /** Of the files. */
  const base = urlBelow(keyPrefix, place.base) ?? place.base;
  const mayLeadTo = ({ origin, host }: URL) => origin === base.origin || hosts.has(host);

  const readList = createListReader(formsOf(), base.host);

  function formsOf(): readonly ListForm[] {
    if (listing.kind === 'manifest') return [manifestForm(asker, base, listing.path, mayLeadTo)];
    if (listing.kind === 'checksums') return [checksumsForm(asker, base, listing.path)];
    return place.kind === 's3'
      ? [checksumsForm(asker, base), objectsForm(asker, place.base, keyPrefix)]
      : [datastoreForm(asker, base), checksumsForm(asker, base)];
  }

  return { readList, open: asker.open, close: requests.close };
}
