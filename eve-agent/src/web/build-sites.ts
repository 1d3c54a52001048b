// SPDX-License-Identifier: Apache-2.0
import { buildPage } from '@local-datastore/shared/web/build-page';
import type { SiteBuilders } from '@local-datastore/shared/web/build-site';
import { buildManual } from '@local-datastore/shared/web/manual/build-manual';
import { PAGE_ASSET_PATH } from '../api/page-routes.ts';

const PAGE = new URL('./page/', import.meta.url);

/** Builds the agent's page and its manual, in memory. */
export const buildSites: SiteBuilders = {
  page: () => buildPage({ folder: PAGE, assetPath: PAGE_ASSET_PATH }),
  manual: () => buildManual({ program: 'eve-agent', icon: new URL('icon.svg', PAGE) }),
};
