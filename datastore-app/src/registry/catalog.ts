// SPDX-License-Identifier: Apache-2.0
import type { RegistryStore } from '../blobs/registry-store.ts';
import { nextLink, requirePageRequest } from './paging.ts';
import { type RegistryResource, sendDocument } from './registry-call.ts';

/** `/v2/_catalog`: the repositories that the client may see. Not of the specification, and asked for by many. */
export const createCatalog = ({
  store,
}: {
  readonly store: Pick<RegistryStore, 'listRepositories'>;
}): RegistryResource<'catalog'> => ({
  GET: {
    action: 'catalog',
    async handle(call) {
      const wish = requirePageRequest(call.query);
      const isVisible = (repository: string) => call.allowed.sees(repository);
      const page = await store.listRepositories({ ...wish, isVisible });
      const last = page.isMore ? page.names.at(-1) : undefined;
      const link = last && { Link: nextLink('/v2/_catalog', { limit: wish.limit, last }) };
      sendDocument(call, { repositories: page.names }, { headers: { ...link } });
    },
  },
});
