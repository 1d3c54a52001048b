// SPDX-License-Identifier: Apache-2.0
import { buildPage } from '@local-datastore/shared/web/build-page';
import type { SiteBuilders } from '@local-datastore/shared/web/build-site';
import { buildManual } from '@local-datastore/shared/web/manual/build-manual';

const PAGE = new URL('./page/', import.meta.url);

/** Builds the datastore's page and its manual, in memory. */
export const buildSites: SiteBuilders = {
  page: () => buildPage({ folder: PAGE, assetPath: '/-/assets/' }),
  manual: () => buildManual({ program: 'datastore-app', icon: new URL('icon.svg', PAGE) }),
};
