// SPDX-License-Identifier: Apache-2.0
import { type BuiltPage, buildPageOf } from '@local-datastore/shared/web/build-page';
import { PAGE_ASSET_PATH } from '../api/page-routes.ts';

/** Builds the agent's page, in memory. */
export const buildPage = (): Promise<BuiltPage> =>
  buildPageOf({ folder: new URL('./page/', import.meta.url), assetPath: PAGE_ASSET_PATH });
