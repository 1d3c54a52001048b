import type { RegistryStore } from '../blobs/registry-store.ts';
import { nextLink, requirePageRequest } from './paging.ts';
import { type RegistryResource, sendDocument } from './registry-call.ts';
import { RegistryRefusedError } from './registry-refusal.ts';

/** `/v2/<name>/tags/list` (end-8), in the order of code units. */
export const createTags = ({
  store,
}: {
  readonly store: Pick<RegistryStore, 'listTags'>;
}): RegistryResource<'tags'> => ({
  GET: {
    action: 'pull',
    async handle(call) {
      const { repository } = call.path;
      const wish = requirePageRequest(call.query);
      const page = await store.listTags(repository, wish);
      if (page === undefined) {
        throw new RegistryRefusedError(404, 'NAME_UNKNOWN', `There is no repository "${repository}".`);
      }
      const last = page.isMore ? page.names.at(-1) : undefined;
      const link = last && { Link: nextLink(`/v2/${repository}/tags/list`, { limit: wish.limit, last }) };
      sendDocument(call, { name: repository, tags: page.names }, { headers: { ...link } });
    },
  },
});
