// SPDX-License-Identifier: Apache-2.0
import type { RepositoryName } from '@local-datastore/shared/oci/reference';
import type { Page, PageWish, RegistryStore } from '../blobs/registry-store.ts';
import { nextLink, requirePageRequest } from './paging.ts';
import { type RegistryResource, sendDocument } from './registry-call.ts';
import { RegistryRefusedError } from './registry-refusal.ts';

export interface TagsDeps {
  readonly store: Pick<RegistryStore, 'listTags'>;
}

/** `/v2/<name>/tags/list` (end-8), in the order of code units: the tags that the client may pull. */
export function createTags({ store }: TagsDeps): RegistryResource<'tags'> {
  /**
   * A page of those that may be seen, as long as the wish; there are more where one more may be seen.
   * undefined: there is no such repository.
   */
  async function listVisible(
    repository: RepositoryName,
    { last, limit }: PageWish,
    isVisible: (tag: string) => boolean,
  ): Promise<Page | undefined> {
    const names: string[] = [];
    let behind = last;
    while (true) {
      const page = await store.listTags(repository, { last: behind, limit });
      if (page === undefined) return undefined;
      names.push(...page.names.filter(isVisible));
      if (names.length > limit) return { names: names.slice(0, limit), isMore: true };
      behind = page.names.at(-1);
      if (!page.isMore || behind === undefined) return { names, isMore: false };
    }
  }

  return {
    GET: {
      action: 'pull',
      async handle(call) {
        const { repository } = call.path;
        const wish = requirePageRequest(call.query);
        const isVisible = (tag: string) => call.allowed.may('pull', repository, tag);
        const page = await listVisible(repository, wish, isVisible);
        if (page === undefined) {
          throw new RegistryRefusedError(404, 'NAME_UNKNOWN', `There is no repository "${repository}".`);
        }
        const last = page.isMore ? page.names.at(-1) : undefined;
        const link = last && {
          Link: nextLink(`/v2/${repository}/tags/list`, { limit: wish.limit, last }),
        };
        sendDocument(call, { name: repository, tags: page.names }, { headers: { ...link } });
      },
    },
  };
}
